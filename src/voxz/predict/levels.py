"""What the compression levels 1 (fastest) to 5 (default) mean for the predictor.

`SETTINGS` is looked up by the number stored in a brick, so an entry never changes; a new idea gets a new number.
"""

from dataclasses import dataclass

from voxz.predict.neighbourhood import DENSE, ERRORS, Support


@dataclass(frozen=True)
class Settings:
    """One level's choices. `tile` is in voxels along y and x; `sampling` fits on every n-th voxel."""

    support: Support
    error_support: Support
    classes: int
    tile: int
    sampling: int
    ranges: int
    phases: bool


SETTINGS = {
    5: Settings(DENSE, ERRORS, classes=4, tile=64, sampling=3, ranges=32, phases=True),
}

WEIGHT_SHIFT = 8


def _weights():
    from voxz.predict.neighbourhood import MODES, WEST
    import numpy as np
    n=max(len(ERRORS.taps(m)) for m in range(MODES)); n=-(-n//8)*8
    w=np.zeros((MODES,WEST+n),np.int64)
    for m in range(MODES):
        v=np.zeros(WEST+n)
        v[1]=2;v[2]=1
        for r,t in enumerate(ERRORS.taps(m)):
            if t.volume==0 and t.dz==0:
                v[WEST+r]={(-1,0):4,(-1,-1):2,(-1,1):2,(-2,0):2}.get((t.dy,t.dx),1)*.5
            else: v[WEST+r]=1
        w[m]=v*(256/ v.sum())
        w[m,0]=1
    return w
ERROR_WEIGHTS=_weights()
