"""Training wavelet-like transforms, and tuning them to a volume."""
