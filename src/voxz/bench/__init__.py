"""``voxz bench``: voxz and everything a user could pick instead, on the user's own volumes.

::

    volumes x specs -> cells -> worker processes (encode; decode) -> results -> tables, pictures, one HTML page

A *spec* names a rival and its options (``jpegxl:effort=9``); a *cell* is one spec on one volume. Every figure comes from
bytes in a file that a fresh process decoded, and every promise of a rival, lossless or an error bound, is checked.
"""
