"""What decoding may take, stated once: a size from a file is bounded by what could hold it before it is used.

Decoding takes at most `memory_of(samples, payload)` bytes beside the samples it returns:

* so much for each sample that was asked for: predictions and expected errors, coefficients in doubles, and margins. These are
  cut down where axes are short: no shape takes more, be it a single row or a column along z. Only labels keep theirs in full, and
  such shapes are left to other codecs where these are more than BASE;
* so much for each byte of the payload: a number of one bit becomes an int64 and its column another;
* BASE for what does not grow: tables, contexts, mixing weights, what levels 6 to 9 have learnt (at most 2048 tiles, 39 MiB).

Two rules keep it. A count of things that take a bit or more each is bounded by the bits that are there (`at_least_a_bit`); what
is derived from counts is bounded in bytes (`affordable`). Both come before the allocation and before any loop over the count.
"""

from voxz.errors import CorruptError

BASE = 64 << 20
"""Bytes for what does not grow with the file. Also the largest part of a foreign file that is unpacked without `max_bytes`."""

BYTES_PER_SAMPLE = 256
BYTES_PER_BYTE = 64


def memory_of(samples: int, payload: int) -> int:
    """Most bytes that decoding may take, given the number of samples and the bytes of the payload."""
    return BASE + BYTES_PER_SAMPLE * samples + BYTES_PER_BYTE * payload


def affordable(needed: int, samples: int, payload: int, what: str) -> None:
    """Raise `CorruptError` if `what` needs more bytes than decoding may take."""
    most = memory_of(samples, payload)
    if needed > most:
        raise CorruptError(f"{what} would take {needed} bytes (at most {most} for {samples} samples in {payload} bytes)")


def at_least_a_bit(count: int, payload: int, what: str) -> None:
    """Raise `CorruptError` if a payload is too short for `count` things of at least one bit each."""
    if count > 8 * payload:
        raise CorruptError(f"{payload} bytes are too few for {count} {what}")
