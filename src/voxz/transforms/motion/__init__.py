"""Lifting along z that follows motion: fields of displacements between slices, and the pyramid that uses them."""
