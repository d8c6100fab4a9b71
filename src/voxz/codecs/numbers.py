"""Numbers and names of the codecs, as files and users know them. A number is never given away again."""

STORED, PREDICTIVE, LABELS, FLOATS, WAVELET, SIREN, TURNED = 0, 1, 2, 3, 4, 5, 6

CODECS = {"stored": STORED, "predictive": PREDICTIVE, "labels": LABELS, "floats": FLOATS, "wavelet": WAVELET, "siren": SIREN}

BRICK_CODECS = {**CODECS, "turned": TURNED}
"""Also what no caller asks for: bricks that another codec codes after their samples were laid out anew."""
