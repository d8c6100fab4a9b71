"""How processes that torchrun started meet and end."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from voxz.train.need_torch import need_torch


def meet() -> tuple[int, int]:
    """Rank and number of processes; they meet if torchrun started several."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return 0, 1
    torch = need_torch("work in several processes")
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return torch.distributed.get_rank(), world


def part(code: int) -> NoReturn:
    """Leave the others and end at once: PyTorch's threads now and then abort a process whose interpreter is taken down."""
    need_torch("work in several processes").distributed.destroy_process_group()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
