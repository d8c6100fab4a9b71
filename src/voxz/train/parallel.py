"""Several processes that fit one volume.

``torchrun --nproc-per-node 2 -m voxz.train.parallel compress scan.nii.gz --codec siren --ratio 40``


The first process is the ``voxz`` command; the others take part in its fits (`voxz.train.fit`) and end with it. With CUDA each
process has a device of its own.
"""

import os
import runpy

from voxz.train.extra import need_torch
from voxz.train.fit import dismiss, follow


def main() -> None:
    """Join the processes that torchrun started, and do this one's part."""
    torch = need_torch("fitting in several processes")
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    torch.distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        if torch.distributed.get_rank() > 0:
            follow()
            return
        try:
            runpy.run_module("voxz", run_name="__main__")
        finally:
            dismiss()
    finally:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
