"""From a target to a plan: codec, step, and what every brick has to keep.

A *target* is what the caller asks (`voxz.target`). A *goal* is the total over bricks that meets it (`goals`). A *trial* is the
bricks on which steps are tried, a *probe* small parts of them for the first steps (`step_search`). `secant` is the one search for
a step.
"""
