"""Several processes that fit one volume.

``torchrun --nproc-per-node 2 -m voxz.train.siren.torchrun compress scan.nii.gz --codec siren --ratio 40``

The first process is the ``voxz`` command; the others take part in its fits (`voxz.train.siren.fit_network`) and end with it.
With CUDA each process has a device of its own.
"""

import os
import runpy
import sys

from voxz.train.distributed import meet, part
from voxz.train.need_torch import need_torch
from voxz.train.siren.fit_network import dismiss, follow


def main() -> None:
    """Join the processes that torchrun started, and do this one's part."""
    cuda = need_torch("fitting in several processes").cuda
    if cuda.is_available():
        cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    rank, world = meet()
    if rank:
        follow()
        part(0)
    code: int | str | None = 0
    try:
        runpy.run_module("voxz", run_name="__main__")
    except SystemExit as stop:
        code = stop.code
    finally:
        dismiss()
    if world == 1:
        sys.exit(code)
    part(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    main()
