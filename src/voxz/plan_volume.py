"""How a volume is to be coded, by any codec: what `voxz.compress` and `voxz.encode` ask before they write."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from voxz.codecs.codec import Codec
from voxz.codecs.siren.options import Siren
from voxz.codecs.wavelet.options import Wavelet
from voxz.pipeline.plan import Plan
from voxz.pipeline.samples import Progress
from voxz.ratecontrol.label_guard import refuse_maps
from voxz.ratecontrol.planning import Opener, find_plan
from voxz.ratecontrol.target import Lossless, MaxError, Psnr, Target
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
) -> Iterator[Plan]:
    """Plan of a volume. A target with loss is refused for a label map, unless `force_lossy` is true."""
    fits = isinstance(codec, Siren)
    if not force_lossy:
        refuse_maps(Psnr(1.0) if fits and isinstance(target, Lossless) else target, opened)  # a fit loses something
    if not isinstance(codec, Siren):
        if isinstance(codec, Wavelet) and codec.reads_ahead:
            need_torch("a tuned transform")
            from voxz.train.wavelet.tune import tuned  # noqa: PLC0415 - start-up time

            exact = isinstance(target, Lossless) or (isinstance(target, MaxError) and not target.error)
            codec = replace(codec, transform=tuned(opened, reversible=exact, threads=threads))
        yield find_plan(target, opened, level, codec, threads)
        return
    from voxz.train.siren.encode_flow import fitted  # noqa: PLC0415 - start-up time

    with fitted(target, opened, level, threads, codec, destination, progress) as plan:
        yield plan
