"""The codec that the flags of ``voxz compress`` ask for, and help that shows a codec's own flags together."""

from typing import Any

import typer.core

from voxz.codecs.codec import Codec
from voxz.codecs.kinds import KINDS, codec_of
from voxz.codecs.siren.options import Siren, options_from_text
from voxz.codecs.wavelet.options import Wavelet
from voxz.errors import UsageError

SIREN_PANEL = "Options of --codec siren"
WAVELET_PANEL = "Options of --codec wavelet"


def codec_from_flags(
    name: str | None,
    *,
    transform: str | None = None,
    entropy: str | None = None,
    preset: str | None = None,
    fit: str | None = None,
    log: str | None = None,
    log_plot: str | None = None,
) -> Codec | None:
    """Codec with its options; None for the one that suits. The flags of the codec wavelet imply it.

    Raises
    ------
    UsageError
        There is no such codec, or a flag belongs to another one.
    """
    of_wavelet = {"transform": transform, "entropy": entropy}
    of_siren = {"preset": preset, "fit": fit, "log": log, "log_plot": log_plot}
    if any(of_wavelet.values()) and name not in (None, Wavelet.name):
        raise UsageError(f"--transform and --entropy only apply to --codec wavelet (got --codec {name})")
    if any(of_siren.values()) and name != Siren.name:
        got = f" (got --codec {name})" if name else ""
        raise UsageError(f"--preset, --fit, --log and --log-plot only apply to --codec siren{got}; add --codec siren")
    if any(of_wavelet.values()):
        return Wavelet(transform or None, entropy or None)
    if name == Siren.name:
        return Siren(preset=preset or "default", **options_from_text(fit or ""), log=log or None, log_plot=log_plot or None)
    return codec_of(name)


class PanelCommand(typer.core.TyperCommand):
    """A command whose plain help shows each panel of options under a heading of its own."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments, options, and then the panels."""
        panels: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
                panels.setdefault(getattr(parameter, "rich_help_panel", None) or usual, []).append(record)
        for title, records in panels.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


CODEC_NAMES = ", ".join(KINDS)
