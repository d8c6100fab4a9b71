"""How a volume is to be coded, by any codec: what `voxz.compress` and `voxz.encode` ask before they write."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from voxz.codecs.siren.options import Fitting
from voxz.codecs.wavelet.options import NO_OPTIONS, TUNED, WaveletOptions
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
    codec: str | None,
    threads: int,
    force_lossy: bool,
    fitting: Fitting | None,
    destination: str | os.PathLike[str] = "-",
    progress: Progress | None = None,
    wavelet: WaveletOptions = NO_OPTIONS,
) -> Iterator[Plan]:
    """Plan of a volume. A target with loss is refused for a label map, unless `force_lossy` is true.

    With options for the codec wavelet it is that codec.
    """
    codec = wavelet.codec(codec)
    if not force_lossy:
        refuse_maps(Psnr(1.0) if codec == "siren" and isinstance(target, Lossless) else target, opened)  # a fit loses something
    if codec != "siren":
        if wavelet.transform == TUNED:
            need_torch("a tuned transform")
            from voxz.train.wavelet.tune import tuned  # noqa: PLC0415 - start-up time

            exact = isinstance(target, Lossless) or (isinstance(target, MaxError) and not target.error)
            wavelet = replace(wavelet, transform=tuned(opened, reversible=exact, threads=threads))
        yield find_plan(target, opened, level, codec, threads, wavelet)
        return
    from voxz.train.siren.encode_flow import fitted  # noqa: PLC0415 - start-up time

    with fitted(target, opened, level, threads, fitting or Fitting(), destination, progress) as plan:
        yield plan
