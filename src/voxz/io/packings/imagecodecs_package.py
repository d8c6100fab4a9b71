"""The package imagecodecs, which packs what is in no library of ours: not there is a case that has words."""

from typing import Any

from voxz.errors import MissingDependencyError


def imagecodecs(what: str) -> Any:
    """The package, which packs `what`; `MissingDependencyError` without it."""
    try:
        import imagecodecs  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingDependencyError(f"{what} are packed by imagecodecs; install it with: pip install 'voxz[formats]'") from None
    return imagecodecs
