"""The pictures of a report: planes with a crosshair, which a script in the page draws, and maps as PNG."""

import base64
import html
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.page import WINDOWS
from voxz.image.picture import png
from voxz.report.evidence import Evidence
from voxz.report.maps import Before, Map
from voxz.report.planes import planes_of

_BACKGROUND = 0.12
"""Share of the bright values (99th percentile) up to which a voxel counts as background of an image that is no CT."""

_FEWEST = 0.05
"""Share of voxels of a background that is worth a window of its own."""

_AIR = ("air", -1000, 300)
"""As `WINDOWS`."""

_CHANGES = 8.0
_MAP_SIDE = 192


def pictures(evidence: Evidence, largest: float) -> tuple[str, str]:
    """HTML of the section, and the data and script elements that its script reads.

    Parameters
    ----------
    largest : magnitude of an error, in stored units; 0 if there is none to show
    """
    planes = planes_of(evidence, with_errors=largest > 0)
    shift = evidence.hounsfield
    windows = windows_of(evidence)
    about: dict[str, Any] = {
        "shape": planes.shape,
        "full": evidence.reference.shape,
        "starts": planes.starts,
        "steps": planes.steps,
        "low": planes.low,
        "step": planes.step,
        "errorStep": planes.error_step,
        "spacing": evidence.spacing_mm,
        "orientation": evidence.orientation,
        "windows": [{"name": name, "low": low, "high": high} for name, low, high in windows],
        "noise": evidence.noise,
        "worst": evidence.worst,
        "largest": largest,
        "ranges": [{"name": name, "value": value} for name, value in _ranges(evidence, largest)],
        "slope": evidence.slope,
        "intercept": evidence.intercept + (shift or 0.0),
        "unit": " HU" if shift is not None else "",
    }
    blobs = {"values": planes.values, "errors": planes.errors}
    told = json.dumps(about).replace("</", "<\\/")
    data = f'<script id="about" type="application/json">{told}</script>'
    data += "".join(f'<script id="{name}" type="text/plain">{blob}</script>' for name, blob in blobs.items() if blob)
    return _tools(planes.words(evidence.noise), largest > 0) + (_mosaic(evidence, largest) if largest else ""), data


def windows_of(evidence: Evidence) -> list[tuple[str, float, float]]:
    """Name, and stored values that are black and white; the background first: damage is seen best there."""
    values = evidence.reference
    if values.shape[4] >= 3 and values.dtype == np.uint8:
        return [("colours", 0.0, 255.0)]
    shift = evidence.hounsfield
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if not finite.size:
        return [("all values", 0.0, 1.0)]
    whole = ("all values", *_apart(float(finite.min()), float(finite.max())))
    seen = values[evidence.seen].ravel().astype(np.float64)
    seen = np.sort(seen[np.isfinite(seen)][:: max(1, seen.size >> 20)])
    low, middle, high = (
        (float(seen[int(share * (seen.size - 1))]) for share in (0.005, 0.9, 0.997)) if seen.size else (0.0, 0.5, 1.0)
    )
    if shift is not None:
        zero = -(shift + evidence.intercept) / evidence.slope
        soft, *others = sorted((_AIR, *WINDOWS), key=lambda entry: entry[0] != "soft tissue")
        rest = [(name, *_ct(zero, centre, width, evidence.slope)) for name, centre, width in (soft, *others)]
        return [*rest, whole]
    most = ("most values", *_apart(low, high))
    floor = float(finite.min())
    dark = seen[seen <= floor + _BACKGROUND * (high - floor)]
    masked = 1 - float(evidence.seen.mean()) > _FEWEST  # what there is of a background is one value, which is kept
    if dark.size > _FEWEST * seen.size and np.ptp(dark) > 0 and high > floor and not masked:
        return [
            ("background", *_apart(floor, floor + _BACKGROUND * (high - floor))),
            most,
            ("dark half", *_apart(low, middle)),
            whole,
        ]
    return [most, ("dark half", *_apart(low, middle)), whole]


def map_pictures(found: Before, spacing: tuple[float, float, float]) -> str:
    """Middle slice of a map before and after, and its change, as HTML."""
    known = np.isfinite(found.before).sum(axis=(1, 2))
    z = int(np.argmax(known))
    change = np.abs(found.change[np.isfinite(found.change)])
    size = float(np.percentile(change, 99)) if change.size else 0.0
    grays = [_gray(part[z], found.low, found.high) for part in (found.before, found.after)]
    unit = f" {found.unit}" if found.unit else ""
    words = [f"original, slice {z}", "decoded", f"change, ±{size or 1.0:.2g}{unit} (blue: less, orange: more)"]
    images = [*grays, _signed(found.change[z], size or 1.0)]
    return "".join(
        f"<figure>{_image(pixels, spacing, text)}<figcaption>{html.escape(text)}</figcaption></figure>"
        for pixels, text in zip(images, words, strict=True)
    )


def _tools(shown: str, both: bool) -> str:
    tools = '<label>window <select id="window"></select></label> <label>show <select id="which"></select></label>'
    tools += ' <label>zoom <select id="zoom"></select></label>'
    if both:
        tools += ' <label>difference <select id="range"></select></label>'
        tools += ' <button id="worst">worst voxel (w)</button> <button id="flicker" aria-pressed="false">flicker (space)</button>'
    tools += ' <label>volume <input type="range" id="series" min="0"></label>'
    bar = '<div class="bar" id="bar"></div>' if both else ""
    return (
        f'<section><h2>Pictures</h2><div class="tools">{tools}</div><div id="planes"></div><p><output id="told"></output></p>'
        f'{bar}<p class="small">Click or drag to move the crosshair; arrow keys move it, '
        f"Page Up and Page Down change the slice, as the wheel does after a click. {html.escape(shown)}</p></section>"
    )


def _mosaic(evidence: Evidence, largest: float) -> str:
    most = f"{largest / evidence.noise:.3g} σ of the noise" if evidence.noise > 0 else f"{largest * abs(evidence.slope):.3g}"
    which = f" of volume {evidence.worst[0]}" if len(evidence.reference) > 1 else ""
    return (
        '<section><h2>Where the errors are</h2><canvas id="mosaic" role="img" aria-label="slices of the magnitude of the error">'
        f'</canvas><div class="bar"><span>0</span><span></span><span class="end">{most}</span><i id="heat"></i></div>'
        f'<p class="small">Magnitude of the error in evenly spaced slices{which}.</p></section>'
    )


def _ranges(evidence: Evidence, largest: float) -> list[tuple[str, float]]:
    """Errors that are drawn in full colour."""
    found = [("± largest error", largest)]
    if evidence.noise > 0:
        found += [(f"± {factor:g} σ of the noise", factor * evidence.noise) for factor in (0.5, 1, 3)]
    return [*found, ("± an eighth of the largest", largest / _CHANGES)]


def _ct(zero: float, centre: float, width: float, slope: float) -> tuple[float, float]:
    low, high = (zero + (centre + side * width / 2) / slope for side in (-1, 1))
    return low, high


def _apart(low: float, high: float) -> tuple[float, float]:
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _gray(plane: Map, low: float, high: float) -> NDArray[np.uint8]:
    scaled = np.clip(np.nan_to_num((plane - low) / ((high - low) or 1.0)), 0, 1)
    return np.repeat(np.rint(255 * scaled).astype(np.uint8)[..., None], 3, axis=2)


def _signed(plane: Map, size: float) -> NDArray[np.uint8]:
    share = np.clip(np.nan_to_num(plane / size), -1, 1)[..., None]
    colours = np.where(share > 0, [255, 176, 40], [64, 168, 255])
    return np.asarray(np.rint(np.abs(share) * colours), np.uint8)


def _image(pixels: NDArray[np.uint8], spacing: tuple[float, float, float], name: str) -> str:
    height, width = pixels.shape[0] * spacing[1], pixels.shape[1] * spacing[2]
    factor = _MAP_SIDE / max(height, width)
    size = f'width="{max(1, round(width * factor))}" height="{max(1, round(height * factor))}"'
    return f'<img alt="{html.escape(name)}" {size} src="data:image/png;base64,{base64.b64encode(png(pixels)).decode()}">'
