"""Pictures without a window: the palette, a figure of matplotlib, and its PNG."""

import io
from typing import Any

from voxz.errors import MissingDependencyError

COLOURS = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#8c564b",
    "#7f7f7f",
    "#bcbd22",
    "#17becf",
    "#9467bd",
    "#2f4b7c",
)
"""Told apart by most people who do not see all colours, with the marks."""


def require_matplotlib() -> tuple[Any, Any]:
    """Classes of a figure and its canvas; `MissingDependencyError` without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - in the extra `bench`
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        raise MissingDependencyError("pictures need matplotlib; pip install 'voxz[bench]'") from None
    return Figure, FigureCanvasAgg


def new_figure(rows: int, columns: int, size: tuple[float, float], **layout: Any) -> tuple[Any, Any]:
    """Figure of `size` (width, height in inches) and its panels ``[row, column]``; `layout` is for `Figure.subplots`."""
    figure_class, canvas_class = require_matplotlib()
    figure = figure_class(figsize=size, layout="constrained")
    canvas_class(figure)
    return figure, figure.subplots(rows, columns, squeeze=False, **layout)


def png_bytes(figure: Any) -> bytes:
    """PNG without the name and version of the software, so that equal figures are equal bytes."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
    return file.getvalue()
