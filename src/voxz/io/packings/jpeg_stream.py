"""The markers of a JPEG stream (ISO/IEC 10918-1, annex B) up to its first scan, as far as the packings need them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.volume.layout import Layout

SOI, EOI, SOS, DQT, DNL, DRI, DHT = 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xC4
SOF_LOSSLESS, SOF_JPEG_LS, LSE = 0xC3, 0xF7, 0xF8
_FRAMES = frozenset({*range(0xC0, 0xD0), SOF_JPEG_LS} - {0xC4, 0xC8, 0xCC})
_MOST_MARKERS = 1 << 12


@dataclass
class JpegStream:
    """Head of a JPEG stream.

    Attributes
    ----------
    kind : marker of the frame header
    precision, rows, columns : of the frame
    components : of the frame, the number of each and its sampling factors
    scan : of the first scan, the number of each component and its table
    parameters : of the scan: predictor or bound, the end or the interleaving, and the point transform
    huffman : tables by class and number: how many codes of each length, and the symbols
    restart : interval, 0 if there are no restarts
    presets : parameters of JPEG-LS (MAXVAL, T1, T2, T3, RESET), if the stream has some
    unknown_preset : whether it has others
    start : first byte of the entropy-coded data
    """

    kind: int = 0
    precision: int = 0
    rows: int = 0
    columns: int = 0
    components: list[tuple[int, int]] = field(default_factory=list)
    scan: list[tuple[int, int]] = field(default_factory=list)
    parameters: tuple[int, int, int] = (0, 0, 0)
    huffman: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    restart: int = 0
    presets: tuple[int, ...] = ()
    unknown_preset: bool = False
    start: int = 0


def read_head(data: bytes) -> JpegStream | None:
    """Head of the stream `data` begins with; None if it is none, or damaged."""
    if data[:2] != b"\xff\xd8":
        return None
    head, at = JpegStream(), 2
    for _ in range(_MOST_MARKERS):
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if at + 4 > len(data) or data[at] != 0xFF:
            return None
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if length < 2 or len(body) != length - 2:
            return None
        at += 2 + length
        try:
            _read_segment(head, marker, body)
        except IndexError:
            return None
        if marker == SOS:
            head.start = at
            return head if head.kind else None
    return None


def _read_segment(head: JpegStream, marker: int, body: bytes) -> None:
    """Note what a segment says; `IndexError` if it is too short."""
    if marker in _FRAMES:
        head.kind, head.precision = marker, body[0]
        head.rows, head.columns = body[1] << 8 | body[2], body[3] << 8 | body[4]
        head.components = [(body[6 + 3 * i], body[7 + 3 * i]) for i in range(body[5])]
    elif marker == DHT:
        at = 0
        while at < len(body):
            counts = body[at + 1 : at + 17]
            head.huffman[body[at]] = (counts, body[at + 17 : at + 17 + sum(counts)])
            at += 17 + sum(counts)
    elif marker == DRI:
        head.restart = int.from_bytes(body, "big")
    elif marker == LSE:
        if body[0] == 1:
            head.presets = tuple(body[i] << 8 | body[i + 1] for i in range(1, 11, 2))
        else:
            head.unknown_preset = True
    elif marker == SOS:
        count = body[0]
        head.scan = [(body[1 + 2 * i], body[2 + 2 * i]) for i in range(count)]
        head.parameters = (body[1 + 2 * count], body[2 + 2 * count], body[3 + 2 * count])


def in_layout(samples: NDArray[np.uint16], precision: int, layout: Layout) -> bytes:
    """Samples of a stream in the type of `layout`, with the sign of `precision` bits if that is signed."""
    typed: NDArray[Any] = samples
    if layout.dtype.kind == "i":
        shift = 16 - precision
        typed = (samples << np.uint16(shift)).view(np.int16) >> np.int16(shift)
    return typed.astype(layout.dtype).tobytes()


def out_of_layout(samples: bytes, precision: int, layout: Layout, shape: tuple[int, ...]) -> NDArray[np.uint16]:
    """Inverse of `in_layout`: samples of a stream of this `shape`, of `precision` bits."""
    native = np.frombuffer(samples, layout.dtype).astype(layout.dtype.newbyteorder("=")).reshape(shape)
    low_bits: NDArray[np.uint16] = native.astype(np.uint16) & np.uint16((1 << precision) - 1)
    return low_bits
