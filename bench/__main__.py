"""``python -m bench DATA... [options]`` is ``voxz bench``; ``python -m bench lossless DIR`` is `bench.lossless`."""

import sys

from bench import lossless
from voxz.cli import main

if __name__ == "__main__":
    if sys.argv[1:2] == ["lossless"]:
        lossless.main(sys.argv[2:])
    else:
        sys.argv.insert(1, "bench")
        main()
