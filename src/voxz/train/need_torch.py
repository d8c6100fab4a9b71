"""Torch where it is needed, with an error that names the extra to install."""

from typing import Any

from voxz.errors import MissingDependencyError


def need_torch(what: str) -> Any:
    """Return the module torch.

    Raises
    ------
    MissingDependencyError
        It is not installed.
    """
    try:
        import torch  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise MissingDependencyError(f"{what} needs torch; pip install 'voxz[train]' (decoding does not need it)") from None
    return torch


def best_device() -> Any:
    """Device that networks are fitted on: the first CUDA device, or the CPU."""
    torch = need_torch("fitting a network")
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
