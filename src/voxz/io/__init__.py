"""Foreign formats: NIfTI and .npy, plain or in gzip, read as a stream and written back byte for byte."""
