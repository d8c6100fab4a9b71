"""Whole numbers of any size in bytes of 7 bits, low first; the highest bit says that more follow."""


def varint(value: int) -> bytes:
    """Bytes of a number."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
