"""The heavy entropy profile of the wavelet codec: a small trained network mixed with adaptive counters."""
