"""The neighbours of a voxel, the padded array they are found in, and its borders.

Slices lie one after the other in one flat int32 array of ids, each with a border: LEFT columns on both sides, TOP rows
above and BOTTOM rows below. The border only holds what the decoder already has, so every neighbour exists.

Neighbours are in three slices: the voxel's own (west, north ...), the slice *before* it and the slice *beyond*: two back,
or in a series the same slice of the volume before. Missing slices are replaced:

====  =============================  ==========================  ==========================
mode  voxels of                      before                      beyond
====  =============================  ==========================  ==========================
0     the very first slice           three rows up, same slice   three rows up, same slice
1     the second slice               previous slice              previous slice
2     other slices of volume 0       previous slice              two slices back
3     volumes from 1                 previous slice (for the     same slice of the volume
                                     first: as beyond)           before
====  =============================  ==========================  ==========================
"""

from voxz.jit import at, kernel

LEFT, TOP, BOTTOM = 3, 4, 2
MODES = 4

NEIGHBOURS = 30
OFFSETS = 32
"""Place in `work` of the neighbours' offsets."""

PATTERN_SIZE = 12
"""Neighbours before this one are the *pattern* of a voxel: W N B NE NW BE BS BW BN WW NN BSE."""


@kernel
def place_neighbours(work, row, before, beyond):  # type: ignore[no-untyped-def]
    """Write the offsets of all neighbours, most telling first; B is the slice before, C the one beyond.

    Parameters
    ----------
    work : int64 (OFFSETS + NEIGHBOURS or more,), filled from OFFSETS on
    row : ids from one row to the next
    before, beyond : offsets, below 0, to the same voxel of the two slices that predict it
    """
    o = OFFSETS
    work[o], work[o + 1], work[o + 2] = -1, -row, before
    work[o + 3], work[o + 4] = 1 - row, -1 - row
    work[o + 5], work[o + 6], work[o + 7], work[o + 8] = before + 1, before + row, before - 1, before - row
    work[o + 9], work[o + 10], work[o + 11] = -2, -2 * row, before + row + 1
    work[o + 12], work[o + 13], work[o + 14] = before + row - 1, before - row + 1, before - row - 1
    work[o + 15], work[o + 16], work[o + 17], work[o + 18] = beyond, 2 - row, 1 - 2 * row, -1 - 2 * row
    work[o + 19], work[o + 20], work[o + 21] = -2 - row, beyond + 1, beyond + row
    work[o + 22], work[o + 23], work[o + 24], work[o + 25] = beyond - 1, beyond - row, before + 2, before + 2 * row
    work[o + 26], work[o + 27], work[o + 28], work[o + 29] = -3, -3 * row, 3 - row, before - 2


@kernel
def open_slice(ids, start, row, before, mode):  # type: ignore[no-untyped-def]
    """Fill the rows above a slice with the first row of the slice before it; above the very first one they stay 0.

    Parameters
    ----------
    ids : int32, flat, padded
    start : place of the padded slice
    row, before : as for `place_neighbours`
    mode : 0 to MODES - 1, see above
    """
    if mode > 0:
        for y in range(TOP):
            for x in range(row):
                ids[at(start + y * row + x)] = ids[at(start + TOP * row + before + x)]


@kernel
def open_row(ids, base, row):  # type: ignore[no-untyped-def]
    """Fill the columns left of a row with the voxel north of its first."""
    for x in range(LEFT):
        ids[at(base - 1 - x)] = ids[at(base - row)]


@kernel
def close_row(ids, base, width):  # type: ignore[no-untyped-def]
    """Fill the columns beside a finished row with its first and last voxel."""
    for x in range(LEFT):
        ids[at(base - 1 - x)] = ids[at(base)]
        ids[at(base + width + x)] = ids[at(base + width - 1)]


@kernel
def close_slice(ids, start, row, height):  # type: ignore[no-untyped-def]
    """Fill the rows below a finished slice with its last row.

    Parameters
    ----------
    ids, start, row : as for `open_slice`
    height : rows of the slice without its border
    """
    last = start + (TOP + height - 1) * row
    for y in range(1, BOTTOM + 1):
        for x in range(row):
            ids[at(last + y * row + x)] = ids[at(last + x)]
