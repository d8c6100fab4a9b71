"""Images as functions: networks of coordinates and latents, their coded weights, and their evaluation at any position."""
