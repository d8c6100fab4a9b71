"""Causal prediction in three and four dimensions: fitting in floating point, prediction in integers."""
