"""Numerical methods that several rooms use."""
