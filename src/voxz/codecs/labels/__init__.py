"""Segmentation maps: palettes of ids, neighbourhoods of equal ids, mixed binary decisions."""
