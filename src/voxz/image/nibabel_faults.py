"""What nibabel says about a header that it does not take, as an error of this package."""

import contextlib
from collections.abc import Iterator

from voxz.errors import UnsupportedError


@contextlib.contextmanager
def nibabel_faults() -> Iterator[None]:
    """Raise `UnsupportedError` where nibabel refuses a header in the block."""
    from nibabel import spatialimages  # noqa: PLC0415 - start-up time

    try:
        yield
    except (spatialimages.HeaderDataError, spatialimages.HeaderTypeError, ValueError) as error:
        raise UnsupportedError(f"nibabel does not take this NIfTI header: {error}; read the samples from the image") from None
