"""Trained weights: flat arrays in files that are named by their SHA-256, each with a card beside it."""
