"""``python -m bench lossless DIR``: see `bench.lossless`."""

from bench.lossless import main

if __name__ == "__main__":
    main()
