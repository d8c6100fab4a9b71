"""One self-contained HTML page of a run: tables with the winners marked, pictures, and a viewer of decoded planes."""

import base64
import html
import json
import zlib
from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.bdrate import quality_at
from voxz.bench.cells import Result
from voxz.bench.tables import ALL, Delta, Mean, best_orders, curves, kinds, without_equal_orders

_CROP = 256
"""Largest side of a plane in the viewer; larger planes show their middle."""

WINDOWS = (("lung", -600, 1500), ("soft tissue", 40, 400), ("bone", 480, 2500), ("brain", 40, 80))
"""Usual windows of CT: centre and width in Hounsfield units."""

_MOST_VIEWED = 12
"""Volumes in the viewer."""

_NEAR = np.log(1.2)
"""Sizes within this factor are compared side by side without a word."""


def page(title: str, notes: list[str], sections: list[tuple[str, str]], viewed: list[dict[str, Any]]) -> str:
    """Fill the template: sections are (heading, HTML), listed first; `viewed` is the data of the viewer."""
    template = resources.files("voxz.bench").joinpath("page.html").read_text(encoding="utf-8")
    body = "".join(
        f'<section id="s{number}"><h2>{html.escape(heading)}</h2>{content}</section>'
        for number, (heading, content) in enumerate(sections)
    )
    contents = [f'<li><a href="#s{number}">{html.escape(heading)}</a></li>' for number, (heading, _) in enumerate(sections)]
    contents += ['<li><a href="#viewer">Decoded images</a></li>'] if viewed else []
    return (
        template.replace("{{title}}", html.escape(title))
        .replace("{{notes}}", "".join(f"<li>{html.escape(note)}</li>" for note in notes))
        .replace("{{contents}}", "".join(contents))
        .replace("{{body}}", body)
        .replace("{{data}}", json.dumps(viewed).replace("</", "<\\/"))
    )


def picture(png: bytes, description: str) -> str:
    """An image inside the page."""
    data = base64.b64encode(png).decode()
    return f'<div class="wide"><img alt="{html.escape(description)}" src="data:image/png;base64,{data}"></div>'


def links(files: Iterable[str]) -> str:
    """Links to files beside the page."""
    return "<ul>" + "".join(f'<li><a href="{html.escape(name)}">{html.escape(name)}</a></li>' for name in files) + "</ul>"


def means_table(rows: list[Mean], reference: str | None) -> str:
    """Lossless means by kind, best figure of each column marked."""
    heads = [
        "codec",
        "volumes",
        "failed or refused",
        f"size / {reference}",
        "bits/voxel",
        "ratio",
        "encode MB/s",
        "decode MB/s",
        "encode MiB",
        "decode MiB",
    ]
    out = []
    for kind in dict.fromkeys(row.kind for row in rows):
        group = [row for row in rows if row.kind == kind]
        complete = [row for row in group if row.volumes == max(other.volumes for other in group)]
        columns: list[tuple[Callable[[Mean], float | None], Any, str]] = [
            (lambda r: r.to_reference, min, ".4f"),
            (lambda r: r.bits_per_voxel, min, ".3f"),
            (lambda r: r.ratio, max, ".3f"),
            (lambda r: r.encode_mb_s, max, ".1f"),
            (lambda r: r.decode_mb_s, max, ".1f"),
            (lambda r: r.encode_peak_mib, min, ".0f"),
            (lambda r: r.decode_peak_mib, min, ".0f"),
        ]
        lines = []
        for row in group:
            cells = [_cell(row.codec), _cell(str(row.volumes)), _cell(str(row.failed))]
            for figure, best, form in columns:
                value = figure(row)
                known = [v for other in complete if (v := figure(other)) is not None]
                wins = bool(known) and row in complete and value == best(known)
                cells.append(_cell(_plain(value, form), wins))
            lines.append(cells)
        out.append(f"<h3>{html.escape(kind)}</h3>{_table(heads, lines)}")
    return "".join(out)


def volumes_table(results: list[Result]) -> str:
    """Bits/voxel of every lossless codec on every volume, the smallest marked."""
    best = [result for result in best_orders(results) if result.lossless]
    codecs = list(dict.fromkeys(result.codec for result in best))
    lines = []
    for volume in dict.fromkeys(result.volume for result in best):
        own = {result.codec: result for result in best if result.volume == volume}
        first = next(iter(own.values()))
        smallest = min(result.bytes for result in own.values())
        cells = [_cell(volume), _cell(f"{first.shape} {first.dtype}"), _cell(first.part)]
        for codec in codecs:
            found = own.get(codec)
            cells.append(_cell(f"{found.bits_per_voxel:.3f}", found.bytes == smallest) if found else _cell(""))
        lines.append(cells)
    return _table(["volume", "shape", "part", *codecs], lines)


def deltas_table(rows: list[Delta]) -> str:
    """Mean BD-rate of each codec (row) against each anchor (column), by kind, with the number of volumes."""
    out = []
    for kind in kinds(rows):
        group = [row for row in rows if kind in (ALL, row.kind)]
        codecs = list(dict.fromkeys(row.codec for row in group))
        lines = []
        for codec in codecs:
            cells = [_cell(codec)]
            for anchor in codecs:
                pair = [r for r in group if r.codec == codec and r.anchor == anchor]
                known = [r.bd_rate_percent for r in pair if r.bd_rate_percent is not None]
                text = f"{mean(known):+.1f} % ({len(known)})" if known else ("no common range" if pair else "")
                cells.append(_cell(text, bool(known) and mean(known) < 0))
            lines.append(cells)
        out.append(f"<h3>{html.escape(kind)}</h3>{_table(['BD-rate of, against', *codecs], lines)}")
    return "".join(out)


def equal_size_table(results: list[Result], bits: float) -> str:
    """PSNR of each family on each volume at one size, between the points that were measured; nothing beyond them."""
    found = curves(results)
    families = list(dict.fromkeys(family for of in found.values() for family in of))
    lines = []
    for volume, of in found.items():
        values = {family: quality_at(of[family], bits) for family in families if family in of}
        known = [value for value in values.values() if value is not None]
        cells = [_cell(volume)]
        for family in families:
            value = values.get(family)
            cells.append(_cell(_plain(value, ".2f"), value is not None and value == max(known)))
        lines.append(cells)
    return _table(["volume", *families], lines)


def tasks_table(results: Iterable[Result]) -> str:
    """What the tasks say of every lossy result."""
    chosen = [result for result in without_equal_orders(results) if result.ok and result.tasks]
    names = list(dict.fromkeys(name for result in chosen for name in result.tasks))
    lines = [
        [
            _cell(r.volume),
            _cell(r.codec),
            _cell(f"{r.bits_per_voxel:.3f}"),
            *(_cell(_plain(r.tasks.get(n), ".4g")) for n in names),
        ]
        for r in chosen
    ]
    return _table(["volume", "codec", "bits/voxel", *names], lines)


def points_table(results: Iterable[Result]) -> str:
    """Every lossy result; of two orders that gave the same, one."""
    lines = []
    for r in without_equal_orders(results):
        if r.ok and not r.lossless:
            figures = [
                f"{r.bits_per_voxel:.3f}",
                _plain(r.psnr_db, ".2f"),
                _plain(r.ssim, ".4f"),
                _plain(r.max_error, "g"),
                _plain(r.rmse, ".3f"),
                f"{r.encode_mb_s:.1f}",
                f"{r.decode_mb_s:.1f}",
            ]
            lines.append([_cell(r.volume), _cell(r.codec), *map(_cell, figures)])
    heads = ["volume", "codec", "bits/voxel", "PSNR dB", "SSIM", "max error", "RMSE", "encode MB/s", "decode MB/s"]
    return f"<details><summary>{len(lines)} points</summary>{_table(heads, lines)}</details>"


def troubles_table(results: Iterable[Result]) -> str:
    """What was missing, refused, unreadable or failed."""
    lines = [[_cell(r.status), _cell(r.volume), _cell(r.codec), _cell(r.message)] for r in results if not r.ok]
    return _table(["status", "volume", "codec", "why"], lines) if lines else "<p>Nothing.</p>"


def viewer_entry(
    result: Result,
    original: dict[str, NDArray[Any]],
    decoded: list[tuple[Result, Path]],
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    bits: float = 1.0,
) -> dict[str, Any]:
    """Data of one volume in the viewer: planes of the original and of each decoded point, deflated 16-bit integers.

    `spacing_mm` along (z, y, x) gives the planes their proportions. Points are those nearest to `bits` per voxel; what is not
    near says so.
    """
    low = min(float(plane.min()) for plane in original.values())
    high = max(float(plane.max()) for plane in original.values())
    ordered = np.sort(np.concatenate([plane.ravel() for plane in original.values()]).astype(np.float64))
    images = [{"label": "original", "planes": {name: _packed(plane, low, high) for name, plane in original.items()}}]
    for point, path in decoded:
        with np.load(path) as planes:
            far = abs(np.log((point.bits_per_voxel or 1e-9) / bits)) > _NEAR
            label = f"{point.codec}: {point.bits_per_voxel:.3f} bits/voxel, {_plain(point.psnr_db, '.2f')} dB"
            label += f" (no point is near {bits:g} bits/voxel)" if far else ""
            images.append({"label": label, "planes": {name: _packed(planes[name], low, high) for name in planes.files}})
    windows = {
        "full range": [low, high],
        "1 to 99 %": [_at(ordered, 0.01), _at(ordered, 0.99)],
        "5 to 90 %": [_at(ordered, 0.05), _at(ordered, 0.9)],
    }
    if result.kind == "CT":
        zero = 0.0 if low < 0 else 1024.0
        for name, centre, width in WINDOWS:
            windows[name] = [zero + centre - width / 2, zero + centre + width / 2]
    z, y, x = spacing_mm
    pixels = {"axial": y / x, "coronal": z / x, "sagittal": z / y}
    return {"volume": result.volume, "low": low, "high": high, "windows": windows, "pixels": pixels, "images": images}


def viewed_points(results: list[Result], bits: float) -> dict[str, list[Result]]:
    """By volume, the point of every family that is nearest to `bits` per voxel."""
    chosen: dict[str, dict[str, Result]] = {}
    for r in results:
        if r.ok and r.psnr_db is not None and r.bits_per_voxel is not None:
            of = chosen.setdefault(r.volume, {})
            best = of.get(r.family)
            if best is None or abs(np.log(r.bits_per_voxel / bits)) < abs(np.log((best.bits_per_voxel or 1e-9) / bits)):
                of[r.family] = r
    return {volume: list(of.values()) for volume, of in list(chosen.items())[:_MOST_VIEWED]}


def _packed(plane: NDArray[Any], low: float, high: float) -> dict[str, Any]:
    y, x = (slice(max(0, (n - _CROP) // 2), max(0, (n - _CROP) // 2) + _CROP) for n in plane.shape)
    cropped = plane[y, x].astype(np.float64)
    codes = np.clip((cropped - low) / max(high - low, 1e-300) * 65535, 0, 65535).round().astype("<u2")
    data = base64.b64encode(zlib.compress(codes.tobytes(), 9)).decode()
    return {"width": codes.shape[1], "height": codes.shape[0], "data": data}


def _at(ordered: NDArray[Any], fraction: float) -> float:
    return float(ordered[int(fraction * (len(ordered) - 1))])


def _table(heads: list[str], lines: list[list[str]]) -> str:
    rows = [[f"<th>{html.escape(text)}</th>" for text in heads], *lines]
    body = "".join("<tr>" + "".join(cells) + "</tr>" for cells in rows)
    return f'<div class="wide"><table>{body}</table></div>'


def _cell(text: str, wins: bool = False) -> str:
    return f'<td class="best">{html.escape(text)}</td>' if wins else f"<td>{html.escape(text)}</td>"


def _plain(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
