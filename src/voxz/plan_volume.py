"""How a volume is to be coded, by any codec: what `voxz.compress` and `voxz.encode` ask before they write."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from voxz.codecs.codec import Codec
from voxz.codecs.siren.options import Siren
from voxz.codecs.wavelet.options import Wavelet
from voxz.errors import UsageError
from voxz.pipeline.samples import Progress
from voxz.ratecontrol.label_guard import refuse_maps
from voxz.ratecontrol.planning import Fit, Opener, Settled, find_plan
from voxz.target import LOSSLESS, Fitted, Target
from voxz.train.need_torch import need_torch


@contextmanager
def settled(
    target: Target,
    opened: Opener,
    level: int,
    codec: Codec | None,
    threads: int,
    force_lossy: bool,
    destination: str | os.PathLike[str] = "-",
    progress: Progress | None = None,
    brick: tuple[int, int, int] | None = None,
) -> Iterator[Settled]:
    """Plan of a volume. A target with loss is refused for a label map, unless `force_lossy` is true.

    When all went well inside the context, what a fit kept for going on is deleted.
    """
    if not isinstance(target, Target):
        raise UsageError(f"target must be voxz.Lossless(), MaxError, Psnr, BitsPerVoxel or Ratio (got {target!r})")
    if target == LOSSLESS and codec is not None and codec.always_lossy:
        target = Fitted()
    if brick is not None and codec is not None and codec.whole_volume:
        raise UsageError(f"the codec {codec.name} chooses its bricks itself; leave out --brick (brick)")
    if not force_lossy:
        refuse_maps(target, opened)
    with ExitStack() as stack:
        fit: Fit | None = None
        if isinstance(codec, Wavelet) and codec.reads_ahead:
            need_torch("a tuned transform")
            from voxz.train.wavelet.tune import tuned  # noqa: PLC0415 - start-up time

            codec = replace(codec, transform=tuned(opened, reversible=not target.loses, threads=threads))
        if isinstance(codec, Siren):
            need_torch("the codec siren")
            from voxz.train.siren.encode_flow import fitting  # noqa: PLC0415 - start-up time

            fit = stack.enter_context(fitting(codec, threads, destination, progress))
        yield find_plan(target, opened, level, codec, threads, fit, brick)
