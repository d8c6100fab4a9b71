"""Slices in blocks, each predicted from what is decoded already, as video coders do: one more way to code a brick with loss."""
