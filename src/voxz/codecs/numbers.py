"""Numbers and names of the codecs, as files and users know them. A number is never given away again."""

STORED, PREDICTIVE, LABELS, FLOATS, WAVELET, SIREN = 0, 1, 2, 3, 4, 5

CODECS = {"stored": STORED, "predictive": PREDICTIVE, "labels": LABELS, "floats": FLOATS, "wavelet": WAVELET, "siren": SIREN}
