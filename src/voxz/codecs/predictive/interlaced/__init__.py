"""The fast walk: rows are cut into phases, and no voxel waits for the one to its west.

Every second or fourth column of a row is coded first, then those halfway between them, so that a column has neighbours on both
sides instead of one. All columns of a phase depend on finished phases alone: every step runs on whole vectors.

::

    phase of a row: errors around  -> context -> table -> token (rANS, eight states) -> residual
                    samples around -> prediction; prediction + residual -> sample, error

Values have 16 bits, sums 32. Leaving out the west neighbour costs nothing, because most columns have one to the east instead.
"""
