"""Studies that are BIDS data sets (https://bids-specification.readthedocs.io, 1.10).

A raw data set loses nothing: each image keeps its whole name (``sub-01_T1w.nii.gz.voxz``), so that a mount of the compressed tree
shows the very names that ``scans.tsv``, ``IntendedFor`` and the validator expect; all else is kept as it is. What is compressed
with loss is another data set, a derivative: its images have a label of their own (``desc-``), and beside each lies a sidecar with
what is known of the original, and what was promised, measured and lost. Its ``.bidsignore`` names what is only an image through a
mount, so that the validator accepts the folder both ways.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from os.path import relpath
from pathlib import Path, PurePosixPath
from typing import Any

from voxz import api
from voxz.errors import UsageError
from voxz.image.facts import Info
from voxz.io.names import PACKED
from voxz.io.output import complete_file
from voxz.studies.data_set import DESCRIPTION, DataSet, data_set_of, read_json
from voxz.studies.manifest import DONE, Manifest, Record
from voxz.studies.plan import Unit
from voxz.studies.work import sha256_of
from voxz.target import Target

SOURCE = "source"
"""What the derivative calls the data set that it was made from."""

_IMAGE = re.compile(r"sub-[0-9A-Za-z+]+/.*?(?P<stem>sub-[^/]*)_(?P<suffix>[0-9A-Za-z]+)(?P<ending>\.nii(\.gz)?)")


def refuse_loss(tree: Path, units: Iterable[Unit], target: Target) -> None:
    """Refuse (`UsageError`) to lose anything of a raw data set."""
    find = cache(data_set_of)
    for unit in units if target.loses else ():
        found = find((tree / unit.sources[0]).parent) if unit.kind == "image" else None
        if found is not None and found.raw:
            raise UsageError(
                f"{found.folder} is a raw BIDS data set, which loses nothing; make a derivative beside it: "
                f"voxz compress -r {found.folder} -o {found.folder / 'derivatives/voxz'} --derivative lossy --{target.name} ..."
            )


def derivative_units(tree: Path, units: Iterable[Unit], label: str, target: Target) -> tuple[DataSet, list[Unit]]:
    """The images of a data set under the names that they have in a derivative, as ``desc-label``.

    `UsageError` if `tree` is no data set, or nothing may be lost, or the label is none.
    """
    found = data_set_of(tree)
    if found is None or found.folder != tree.resolve():
        raise UsageError(f"{tree} is no BIDS data set: it has no {DESCRIPTION} that says a BIDSVersion; leave out --derivative")
    if not target.loses:
        raise UsageError("a derivative is for images with loss; add --max-error or another target, or leave out --derivative")
    if not re.fullmatch(r"[0-9A-Za-z]+", label):
        raise UsageError(f"--derivative needs a label of letters and digits, such as lossy (got {label!r})")
    images = [unit for unit in units if unit.kind == "image" and len(unit.sources) == 1 and _IMAGE.fullmatch(unit.sources[0])]
    if not images:
        raise UsageError(f"{tree} has no images of subjects (sub-*/*/sub-*.nii.gz); there is nothing to make a derivative of")
    return found, [_renamed(unit, label) for unit in images]


def _renamed(unit: Unit, label: str) -> Unit:
    source = PurePosixPath(unit.sources[0])
    stem, _, suffix = source.name.rpartition("_")
    name = re.sub(r"_desc-[0-9A-Za-z+]+", rf"\g<0>{label}", stem) if "_desc-" in stem else f"{stem}_desc-{label}"
    restored = str(source.with_name(f"{name}_{suffix}"))
    return replace(unit, destination=restored + PACKED, restored=restored)


def describe(source: DataSet, out: Path, units: Iterable[Unit], label: str, *, force: bool) -> None:
    """Write the sidecars of all images of a derivative that are done, their gradients, and what is said of the data set.

    `UsageError` if something else is in their place, and `force` is not given.
    """
    manifest, listed, units = Manifest(out), cache(_files_by_suffix), list(units)
    suffixes = sorted({_without_ending(PurePosixPath(unit.restored)).name.rpartition("_")[2] for unit in units})
    with manifest.alone():
        for name, text in _about(source, out, [f"*{label}_{suffix}.json" for suffix in suffixes]):
            _put(out, name, text, manifest, force=force)
        for unit in units:
            record = manifest.get(unit.destination)
            if record is None or record.outcome != DONE:
                continue
            image = PurePosixPath(unit.sources[0])
            known = _inherited(source.folder, image, listed)
            sidecar = _sidecar(record, known, api.info(out / unit.destination), sha256_of([out / unit.destination]))
            _put(out, str(_without_ending(PurePosixPath(unit.restored))) + ".json", _json(sidecar), manifest, force=force)
            for ending in (".bval", ".bvec"):
                for path in _sidecars(source.folder, image, ending, listed)[-1:]:
                    name = path.relative_to(source.folder).as_posix()
                    _put(out, name, path.read_text(encoding="utf-8"), manifest, force=force)


def _about(source: DataSet, out: Path, sidecars: list[str]) -> Iterator[tuple[str, str]]:
    """Names and texts of the files that describe a derivative; `sidecars` are patterns for the validator, one star in each."""
    told, name = source.description, source.description.get("Name", source.folder.name)
    source_named: dict[str, str] = {"DOI": str(told["DatasetDOI"])} if "DatasetDOI" in told else {"URL": f"bids:{SOURCE}:"}
    kept: dict[str, Any] = {key: value for key, value in told.items() if key in ("Authors", "License")}
    description: dict[str, Any] = {
        "Name": f"{name}, compressed with loss",
        "BIDSVersion": told["BIDSVersion"],
        "DatasetType": "derivative",
        **kept,
        "GeneratedBy": [{"Name": "voxz", "Version": version("voxz"), "Description": "Images compressed with loss"}],
        "SourceDatasets": [source_named],
        "DatasetLinks": {SOURCE: Path(relpath(source.folder, out.resolve())).as_posix()},
    }
    yield DESCRIPTION, _json(description)
    yield ".bidsignore", "".join(f"{pattern}\n" for pattern in (f"*{PACKED}", *sidecars))
    yield (
        "README.md",
        f"# {name}, compressed with loss\n\n"
        f"Images whose names end in {PACKED} are images once `voxz mount` shows them, or `voxz decompress -r` has restored them. "
        "The sidecar of each says under LossyCompression what was promised and what was lost. It is not the original: that is "
        f"the data set that {DESCRIPTION} names.\n",
    )


def _sidecar(record: Record, known: dict[str, Any], facts: Info, packed_sha256: str) -> dict[str, Any]:
    """What is said beside an image: all that is known of the original, and what was lost."""
    loss = facts.loss
    return {
        "SkullStripped": False,
        **known,
        "Description": f"Compressed with loss: {loss.promise if loss else 'nothing was lost'}",
        "Sources": [f"bids:{SOURCE}:{record.source}"],
        "LossyCompression": {
            "Mode": facts.target,
            "Asked": loss.asked if loss else 0,
            "Unit": loss.unit if loss else "stored",
            "Bound": loss.bound if loss else 0,
            "LargestError": loss.largest_error if loss else 0,
            "RootMeanSquareError": loss.rmse if loss else 0,
            "PeakSignalToNoiseRatio": loss.psnr_db if loss else None,
            "SourceSHA256": record.sha256,
            "CompressedSHA256": packed_sha256,
            "RestoredContentSHA256": facts.original_sha256,
        },
    }


Listing = Any
"""`_files_by_suffix`, which remembers what it found."""


def _files_by_suffix(folder: Path) -> dict[str, list[Path]]:
    """Files of a folder by what follows the last ``_`` of their names, such as ``bold.json``."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        found.setdefault(path.name.rpartition("_")[2], []).append(path)
    return found


def _sidecars(root: Path, image: PurePosixPath, ending: str, listed: Listing) -> list[Path]:
    """Files of this ending that apply to an image, by the inheritance principle; the nearest last."""
    stem, _, suffix = _without_ending(image).name.rpartition("_")
    entities = set(stem.split("_"))
    found: list[Path] = []
    for folder in (*reversed(image.parents),):
        candidates = listed(root / folder).get(suffix + ending, [])
        fits = [path for path in candidates if set(filter(None, path.name.rpartition("_")[0].split("_"))) <= entities]
        found += sorted(fits, key=lambda path: path.name.count("_"))
    return found


def _inherited(root: Path, image: PurePosixPath, listed: Listing) -> dict[str, Any]:
    """Metadata of an image from all its sidecars."""
    known: dict[str, Any] = {}
    for path in _sidecars(root, image, ".json", listed):
        known |= read_json(path)
    if "IntendedFor" in known:
        given = known["IntendedFor"]
        known["IntendedFor"] = [_linked(str(name), image) for name in (given if isinstance(given, list) else [given])]
    return known


def _linked(name: str, image: PurePosixPath) -> str:
    """A reference to a file of the original data set, as the derivative says it."""
    if name.startswith("bids::"):
        return f"bids:{SOURCE}:{name.removeprefix('bids::')}"
    return name if name.startswith("bids:") else f"bids:{SOURCE}:{image.parts[0]}/{name}"


def _without_ending(image: PurePosixPath) -> PurePosixPath:
    return image.with_name(re.sub(r"\.nii(\.gz)?$", "", image.name))


def _json(told: dict[str, Any]) -> str:
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _put(out: Path, name: str, text: str, manifest: Manifest, *, force: bool) -> None:
    """Write a file of the derivative, and a line about it."""
    place, data = out / name, text.encode()
    if place.is_file() and place.read_bytes() == data:
        return
    known = manifest.get(name)
    if place.exists() and not force and not (known and known.ours):
        raise UsageError(f"{place} is there already, and tells something else; use -f (force=True) to replace it")
    place.parent.mkdir(parents=True, exist_ok=True)
    with complete_file(place, force=True) as file:
        file.write(data)
    manifest.append(Record(name, "file", name, size=len(data), sha256=sha256_of([place]), written=len(data), ours=True))
