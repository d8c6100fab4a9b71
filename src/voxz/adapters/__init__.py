"""What other programs read compressed images through: one file a host, each imported when it is used."""


def register() -> None:
    """Teach nibabel the ending .voxz, for `nibabel.load` and `nibabel.save`; ``import voxz.nibabel`` does it, too."""
    from voxz.adapters.nibabel import register as teach  # noqa: PLC0415 - start-up time

    teach()
