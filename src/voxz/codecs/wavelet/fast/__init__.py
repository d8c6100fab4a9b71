"""The fast profile of the wavelet codec: everything of a row at once, static tables, singles instead of doubles."""
