"""Transforms that concentrate a volume's energy: wavelets by lifting, and the KLT along a series."""
