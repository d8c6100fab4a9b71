"""``python -m benchmarks fuzz``: damaged files, so that damage reaches the readers and decoders.

Pools of small sound files are mutated: .voxz files with one array (`packed`), archives of folders (`archives`), and files of
foreign formats (`foreign`). Where the format has checksums they are made anew, so that nothing is refused for those alone.

```text
  pools ---> seed.damaged(kind) ---> seed.read() ---> outcome: samples, the name of a `VoxzError`, or a fault
                   |                     |
             damage to bytes       within time and memory (`campaign`)
```

Anything but samples or a `VoxzError`, in time and in bounded memory, is a fault, and kept as a file. The environment decides
what runs: ``NUMBA_BOUNDSCHECK=1`` checks every index, ``VOXZ_JIT=0`` runs the plain kernels. With ``--guided``, libFuzzer
(through atheris) keeps what reaches new lines of those, and mutates it further.
"""
