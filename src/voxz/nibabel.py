"""``import voxz.nibabel`` teaches nibabel the ending .voxz: `nibabel.load` and `nibabel.save` take it from then on."""

from voxz.adapters.nibabel import VoxzImage, register

__all__ = ["VoxzImage", "register"]

register()
