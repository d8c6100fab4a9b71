"""Samples to bricks to a file, and back: the flow that every codec shares."""
