"""Files that are slices of one volume by the numbers in their names: ``slice_001.tif``, ``t03_z017.png``."""

import re


def numbered(name: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """What the names of slices of one volume have in common, and the numbers that tell them apart, in their order."""
    folder, slash, file = name.rpartition("/")
    pieces = re.split(r"(\d{1,15})", file)
    return (folder + slash, *pieces[::2]), tuple(float(number) for number in pieces[1::2])
