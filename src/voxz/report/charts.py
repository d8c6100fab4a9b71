"""Charts as SVG inside a page: no library, sharp in print, the letters as large as those of the page."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from voxz.plotting import COLOURS

_WIDTH, _HEIGHT = 440, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 10, 42


@dataclass(frozen=True)
class Line:
    """A line through points, or the outline of bars (`steps`: one more x than y)."""

    x: Sequence[float]
    y: Sequence[float]
    name: str = ""
    steps: bool = False
    dots: bool = False


@dataclass(frozen=True)
class Mark:
    """A dashed line at a place of an axis ("x" or "y"), with words beside it."""

    at: float
    words: str
    axis: str = "x"


def chart(
    lines: Sequence[Line], x_title: str, y_title: str, *, marks: Sequence[Mark] = (), log: bool = False, zero: bool = False
) -> str:
    """SVG of lines on common axes, in the colours of the palette.

    Parameters
    ----------
    log : a logarithmic vertical axis; what is not above 0 is left out
    zero : the vertical axis includes 0
    """
    xs = [x for line in lines for x in line.x if math.isfinite(x)] + [mark.at for mark in marks if mark.axis == "x"]
    ys = [y for line in lines for y in line.y if math.isfinite(y) and (y > 0 or not log)]
    ys += [mark.at for mark in marks if mark.axis == "y"] + ([0.0] if zero and not log else [])
    if not xs or not ys:
        return "<p>Nothing to draw.</p>"
    left, right = _padded(min(xs), max(xs), 0.0)
    low, high = (min(ys), max(ys)) if log else _padded(min(ys), max(ys), 0.06)
    if log:
        low, high = low / 1.5, high * 1.5

    def across(x: float) -> float:
        return _LEFT + (x - left) / (right - left) * (_WIDTH - _LEFT - _RIGHT)

    def up(y: float) -> float:
        share = math.log(max(y, low) / low) / math.log(high / low) if log else (y - low) / (high - low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(f"{y_title} against {x_title}")}">']
    bottom = _HEIGHT - _BOTTOM
    for y in _decades(low, high) if log else ticks(low, high):
        parts.append(f'<path class="grid" d="M{_LEFT} {up(y):.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{up(y) + 4:.1f}" text-anchor="end">{_number(y)}</text>')
    for x in ticks(left, right):
        parts.append(f'<path class="grid" d="M{across(x):.1f} {bottom}v4"/>')
        parts.append(f'<text x="{across(x):.1f}" y="{bottom + 17}" text-anchor="middle">{_number(x)}</text>')
    parts.append(f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{_WIDTH - _RIGHT}"/>')
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        parts += _drawn(line, colour, across, up, low if log else None, bottom)
    for mark in marks:
        if mark.axis == "x":
            x, end = across(mark.at), mark.at > (left + right) / 2
            parts.append(f'<path class="mark" d="M{x:.1f} {_TOP}V{bottom}"/>')
            parts.append(_label(x + (-4 if end else 4), _TOP + 11, mark.words, "end" if end else "start"))
        else:
            parts.append(f'<path class="mark" d="M{_LEFT} {up(mark.at):.1f}H{_WIDTH - _RIGHT}"/>')
            parts.append(_label(_WIDTH - _RIGHT - 3, up(mark.at) - 4, mark.words, "end"))
    parts.append(_label((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, x_title, "middle"))
    middle = (_TOP + bottom) / 2
    parts.append(
        f'<text transform="translate(13 {middle:.0f}) rotate(-90)" text-anchor="middle">{html.escape(y_title)}</text></svg>'
    )
    return "".join(parts) + _legend([line.name for line in lines])


def strips(groups: dict[str, list[tuple[float, str, str]]], x_title: str) -> str:
    """SVG: a row for each group, a dot for each of its (value, words, link)."""
    values = [value for points in groups.values() for value, _, _ in points]
    if not values:
        return "<p>Nothing to draw.</p>"
    margin, row = 150, 30
    height = row * len(groups) + _BOTTOM
    left, right = _padded(min(values), max(values), 0.04)

    def across(x: float) -> float:
        return margin + (x - left) / (right - left) * (760 - margin - 20)

    bottom = row * len(groups) + 2
    parts = [f'<svg class="strip" viewBox="0 0 760 {height}" role="img" aria-label="{html.escape(x_title)}">']
    for x in ticks(left, right):
        parts.append(f'<path class="grid" d="M{across(x):.1f} 4V{bottom}"/>')
        parts.append(f'<text x="{across(x):.1f}" y="{bottom + 16}" text-anchor="middle">{_number(x)}</text>')
    for number, (name, points) in enumerate(groups.items()):
        y = row * number + row / 2 + 2
        parts.append(_label(margin - 8, y + 4, name, "end"))
        for k, (value, words, link) in enumerate(points):
            shifted = y + ((k * 7) % 5 - 2) * 3  # dots of equal values stay apart
            dot = f'<circle cx="{across(value):.1f}" cy="{shifted:.1f}" r="4" fill="{COLOURS[number % len(COLOURS)]}" '
            dot += f'fill-opacity=".7"><title>{html.escape(words)}</title></circle>'
            parts.append(f'<a href="{html.escape(link)}">{dot}</a>' if link else dot)
    parts.append(_label((margin + 740) / 2, height - 6, x_title, "middle"))
    return "".join(parts) + "</svg>"


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers within an interval."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _drawn(line: Line, colour: str, across, up, low: float | None, bottom: float) -> list[str]:  # type: ignore[no-untyped-def]
    if line.steps:
        points = "".join(
            f"V{up(y) if low is None or y > low else bottom:.1f}H{across(x):.1f}" for y, x in zip(line.y, line.x[1:], strict=True)
        )
        return [
            f'<path d="M{across(line.x[0]):.1f} {bottom}{points}V{bottom}Z" fill="{colour}" fill-opacity=".55" '
            f'stroke="{colour}"/>'
        ]
    known = [(x, y) for x, y in zip(line.x, line.y, strict=True) if math.isfinite(y) and (low is None or y > low)]
    path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in known)
    drawn = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>']
    if line.dots or len(known) == 1:
        drawn += [f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="3.2" fill="{colour}"/>' for x, y in known]
    return drawn


def _legend(names: list[str]) -> str:
    shown = [
        f'<span><i style="background:{COLOURS[n % len(COLOURS)]}"></i>{html.escape(name)}</span>'
        for n, name in enumerate(names)
        if name
    ]
    return f'<p class="legend">{"".join(shown)}</p>' if shown else ""


def _label(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(words)}</text>'


def _padded(low: float, high: float, share: float) -> tuple[float, float]:
    if high <= low:
        half = abs(low) / 2 or 0.5
        return low - half, high + half
    return low - share * (high - low), high + share * (high - low)


def _decades(low: float, high: float) -> list[float]:
    powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
    every = max(1, len(powers) // 6)
    return [10.0**power for power in powers if power % every == 0]


def _number(value: float) -> str:
    return f"{value:.4g}".replace("-", "−").replace("e+0", "e").replace("e−0", "e−")
