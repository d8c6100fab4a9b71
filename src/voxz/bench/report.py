"""What a run leaves in its folder: CSV files, PNG pictures and one page that holds them all."""

from pathlib import Path
from typing import Any

from voxz.bench import page, plots
from voxz.bench.bdrate import Window
from voxz.bench.cells import Result, middle_planes, planes_path
from voxz.bench.spec import parse
from voxz.bench.tables import csv_text, curves, deltas, means
from voxz.bench.tasks import Task
from voxz.bench.volumes import Volume

PAGE = "index.html"


class Report:
    """Collects results and writes the folder; it can be written again and again while a run goes on.

    Parameters
    ----------
    reference : lossless codec whose sizes the others are compared with
    rates : windows of bits/voxel of the anchor between which Bjontegaard deltas are taken, None for all
    bits : bits/voxel near which points are chosen for the viewer
    """

    def __init__(
        self,
        out: Path,
        title: str,
        notes: list[str],
        *,
        reference: str,
        rates: tuple[Window | None, ...] = (None,),
        bits: float = 1.0,
        tasks: tuple[Task, ...] = (),
    ) -> None:
        self.out, self.title, self.notes = out, title, notes
        self.reference, self.rates, self.bits, self.tasks = reference, rates, bits, tasks
        self.results: list[Result] = []
        self._viewer: dict[str, dict[str, Any]] = {}

    def add(self, volume: Volume | None, results: list[Result], cells: Path) -> None:
        """Take the results of a volume, and what the viewer shows of them."""
        self.results += results
        points = page.viewed_points(results, self.bits).get(results[0].volume, [])
        if volume is None or not points:
            return
        decoded = [(r, planes_path(cells, volume, parse(r.codec)[0], r.version, self.tasks)) for r in points]
        shown = [(r, path) for r, path in decoded if path.is_file()]
        self._viewer[volume.name] = page.viewer_entry(
            results[0], middle_planes(volume.samples), shown, volume.spacing_mm, self.bits
        )

    def write(self) -> Path:
        """Write everything; return the page's path."""
        lossless = means(self.results, self.reference)
        lossy = deltas(self.results, self.rates)
        looks = plots.looks_of([*(row.codec for row in lossless), *(result.family for result in self.results)])
        files: dict[str, bytes] = {"results.csv": csv_text(self.results).encode()}
        sections = []
        if lossless:
            reference = self.reference if any(row.to_reference is not None for row in lossless) else None
            files |= {"lossless.csv": csv_text(lossless).encode(), "size-speed.png": plots.scatter(lossless, reference, looks)}
            sections += [
                ("Lossless: means", page.means_table(lossless, reference)),
                ("Lossless: size against speed", page.picture(files["size-speed.png"], "size against speed")),
                ("Lossless: bits/voxel of each volume", page.volumes_table(self.results)),
            ]
        if curves(self.results):
            files |= {"deltas.csv": csv_text(lossy).encode(), "rate-distortion.png": plots.rate_distortion(self.results, looks)}
            files["rate-distortion-kinds.png"] = plots.rate_distortion_by_kind(self.results, looks)
            names = dict.fromkeys(row.rates for row in lossy)
            sections += [
                *((_heading(name), page.deltas_table([row for row in lossy if row.rates == name])) for name in names),
                ("Lossy: quality against rate by kind", page.picture(files["rate-distortion-kinds.png"], "mean quality by rate")),
                (f"Lossy: PSNR at {self.bits:g} bits/voxel, interpolated", page.equal_size_table(self.results, self.bits)),
                ("Lossy: quality against rate", page.picture(files["rate-distortion.png"], "quality against rate")),
                ("Lossy: all points", page.points_table(self.results)),
            ]
        if any(result.tasks for result in self.results):
            sections.append(("Lossy: what it does to measurements", page.tasks_table(self.results)))
        sections.append(("Missing, refused and failed", page.troubles_table(self.results)))
        sections.append(("Files with all figures", page.links(files)))
        files[PAGE] = page.page(self.title, self.notes, sections, list(self._viewer.values())).encode()
        for name, data in files.items():
            temporary = self.out / f".{name}.tmp"
            temporary.write_bytes(data)
            temporary.replace(self.out / name)
        return self.out / PAGE


def _heading(rates: str) -> str:
    where = "" if rates == "all" else f" at {rates} bits/voxel of the anchor"
    return f"Lossy: mean BD-rate{where}, negative is smaller at equal PSNR"
