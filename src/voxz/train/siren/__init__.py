"""Fitting the networks and latents of the codec siren."""
