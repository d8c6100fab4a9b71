"""A whole run: every spec on every volume, with progress, one row for whatever goes wrong."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from voxz.bench.cells import Result, measure
from voxz.bench.spec import Spec
from voxz.bench.tasks import TASKS, Task
from voxz.bench.volumes import Volume, kind_of, load, names
from voxz.errors import VoxzError


@dataclass(frozen=True)
class RunOptions:
    """How a run measures.

    Attributes
    ----------
    slices : middle slices of each volume, None for all
    limit : seconds for encoding, and for decoding, one volume
    jobs : cells at a time
    tasks : whether to compute diffusion maps, temporal SNR and Hounsfield biases of lossy results
    """

    slices: int | None = None
    limit: float = 1800.0
    jobs: int = 1
    tasks: bool = False

    @property
    def task_list(self) -> tuple[Task, ...]:
        """Tasks to compute."""
        return TASKS if self.tasks else ()


def results_of(
    paths: list[Path], specs: list[Spec], folder: Path, options: RunOptions, report: Callable[[Result, int, int], None]
) -> Iterator[tuple[Volume | None, list[Result]]]:
    """Yield each volume with its results, in order; `report` hears of each result, how many are done and of how many.

    `folder` keeps what is measured: a second run measures only what is new. A volume that cannot be read has one row.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, path) in enumerate(names(paths)):
        before, total = number * len(specs), len(paths) * len(specs)
        try:
            volume = load(name, path, options.slices)
        except (VoxzError, OSError) as error:
            row = Result(name, kind_of(path, 1), "", "", "", "", "", "", "unreadable", str(error))
            report(row, before + len(specs), total)
            yield None, [row]
            continue
        cells = [spec for given in specs for spec in given.in_both_orders(len(volume.samples))]
        results = []
        with ThreadPoolExecutor(options.jobs) as pool:
            try:
                tasks = options.task_list
                waiting = [pool.submit(measure, volume, spec, folder, options.limit, tasks) for spec in cells]
                for done, future in enumerate(waiting, 1):
                    results.append(future.result())
                    report(results[-1], before + done * len(specs) // len(cells), total)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        yield volume, results
