"""Comparing two images: figures, structure of the errors, a picture."""
