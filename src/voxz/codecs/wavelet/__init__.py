"""From wavelet coefficients to bits and back: trellis-coded quantisation, expected magnitudes, mixed binary decisions."""
