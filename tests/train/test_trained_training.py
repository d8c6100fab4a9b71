"""Training of wavelet-like transforms: a tiny run, its resumption after a kill, several processes, bad input."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import voxz
from benchmarks.fuzz.random_models import FAMILIES, model_for
from voxz.cli.app import app
from voxz.errors import CorruptError, MissingDependencyError, UsageError, VoxzError
from voxz.io.array import ArraySource
from voxz.transforms.trained_model import Model
from voxz.transforms.trained_pyramid import TrainedPyramid
from voxz.weights.safetensors_file import pack, unpack
from voxz.weights.store import read_named

torch = pytest.importorskip("torch")
from voxz.train.wavelet import tune as wavelet_tune  # noqa: E402 - needs PyTorch
from voxz.train.wavelet.recipe import Stage, read_recipe  # noqa: E402
from voxz.train.wavelet.run import Run  # noqa: E402
from voxz.train.wavelet.torch_transform import Lifting  # noqa: E402
from voxz.train.wavelet.tune import tuned  # noqa: E402

RECIPE = """
name = "tiny"
held_out = ["b*"]
batch = 2
validate_every = 50
validation_crops = 2
save_every = 2
[transform]
sharing = "{sharing}"
network = "{network}"
reversible = {reversible}
[[stage]]
steps = 3
train = ["filters", "networks", "rate"]
[[stage]]
steps = {last}
rounding = true
train = ["filters", "networks", "gates"]
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Crops of three small volumes."""
    folder = tmp_path_factory.mktemp("scans")
    rng = np.random.default_rng(5)
    for name in "abc":
        volume = rng.normal(size=(9, 24, 24)).cumsum(1).cumsum(2) * 20
        np.save(folder / f"{name}.npy", volume.astype(np.int16))
    crops = tmp_path_factory.mktemp("prepared") / "crops"
    command = ["data", "prepare", str(folder), str(crops), "--crop", "8,16,16", "--crops-per-volume", "3", "--split", "train=1"]
    assert CliRunner().invoke(app, command).exit_code == 0
    return crops


def recipe_file(
    folder: Path, last: int = 3, network: str = "", sharing: str = "axes", reversible: str = "false", more: str = ""
) -> Path:
    path = folder / "recipe.toml"
    path.write_text(more + RECIPE.format(last=last, network=network, sharing=sharing, reversible=reversible))
    return path


def command_for(prepared: Path, recipe: Path, out: Path) -> list[str]:
    return ["train", "wavelet", "--data", str(prepared), "--config", str(recipe), "--out", str(out), "--threads", "1"]


@pytest.fixture(scope="module")
def whole(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a tiny run leaves behind that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    result = CliRunner().invoke(app, command_for(prepared, recipe_file(folder), folder / "out"))
    assert result.exit_code == 0, result.output
    return folder / "out"


def test_torch_and_kernels_agree() -> None:
    volume = np.random.default_rng(0).normal(size=(5, 12, 14)) * 100
    levels = (1, 2, 2)
    for family in FAMILIES:
        if family.reversible:
            continue
        model = model_for(family)
        lifting = Lifting(family).double()
        lifting.untrained.copy_(torch.from_numpy(family.untrained()))
        lifting.change.data.copy_(torch.from_numpy(model.filters - family.untrained()) * lifting.counts.sqrt())
        for name, parameter in lifting.network_arrays().items():
            parameter.data.copy_(torch.from_numpy(model.networks[name]))
        with torch.no_grad():
            bands = lifting.analyse(torch.from_numpy(volume), levels, 8.0)
            again = lifting.synthesise(bands, levels, volume.shape, 8.0)
        work, pyramid = volume.copy(), TrainedPyramid(volume.shape, levels, model, 8.0)
        pyramid.analyse(work)
        for band in pyramid.bands():
            np.testing.assert_allclose(work[band.box], bands[band.scale, band.orientation].numpy(), atol=1e-5)
        np.testing.assert_allclose(again.numpy(), volume, atol=1e-5)


def test_a_tiny_run(whole: Path) -> None:
    model = Model.from_bytes((whole / "model.safetensors").read_bytes())
    card = json.loads((whole / "model.json").read_text())
    assert (model.name, card["sha256"]) == ("tiny", model.digest().hex())
    log = [json.loads(line) for line in (whole / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log if "loss" in entry] == [1, 2, 3, 4, 5, 6]
    assert list(log[0]["by_source"]) == ["b.npy"]
    assert np.abs(model.filters - model.family.untrained()).max() > 1e-4


@pytest.mark.parametrize(("network", "reversible"), [("relu", "false"), ("affine", "false"), ("", "true")])
def test_other_families_train(prepared: Path, tmp_path: Path, network: str, reversible: str) -> None:
    recipe = read_recipe(recipe_file(tmp_path, 1, network, reversible=reversible))
    recipe = replace(recipe, stages=tuple(replace(stage, steps=1) for stage in recipe.stages))
    run = Run.of(recipe, prepared, tmp_path)
    log: list[dict[str, object]] = []
    run.go_on(log.append)
    assert [entry["step"] for entry in log if "loss" in entry] == [1, 2]
    assert "validation" in log[0]
    assert "validation" in log[-1]
    changed = [p for name, p in run.model.named_parameters() if bool((p != 0).any())]
    assert changed


def test_a_killed_run_goes_on_to_the_same_numbers(prepared: Path, whole: Path, tmp_path: Path) -> None:
    recipe, cut = recipe_file(tmp_path), tmp_path / "cut"
    process = subprocess.Popen([sys.executable, "-m", "voxz", *command_for(prepared, recipe, cut)], stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while not (cut / "checkpoint.safetensors").exists() and time.monotonic() < end and process.poll() is None:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert int(unpack((cut / "checkpoint.safetensors").read_bytes())[1]["step"]) >= 2
    (cut / "model.safetensors").unlink(missing_ok=True)
    assert CliRunner().invoke(app, command_for(prepared, recipe, cut)).exit_code == 0
    for name in ("checkpoint.safetensors", "model.safetensors"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()

    def losses(folder: Path) -> list[float]:
        return [entry["loss"] for entry in map(json.loads, (folder / "log.jsonl").read_text().splitlines()) if "loss" in entry]

    assert losses(cut) == losses(whole)


@pytest.mark.long
def test_two_processes_give_one_model(prepared: Path, whole: Path, tmp_path: Path) -> None:
    recipe, out = recipe_file(tmp_path), tmp_path / "two"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "voxz"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [*torchrun, *command_for(prepared, recipe, out)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = [Model.from_bytes((folder / "model.safetensors").read_bytes()).filters for folder in (out, whole)]
    np.testing.assert_allclose(found[0], found[1], atol=2e-3)


def test_filters_tuned_to_a_volume(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wavelet_tune, "STAGES", (Stage(1, 1e-2, ("rate",)), Stage(2, 1e-2)))
    volume = (np.random.default_rng(5).normal(size=(9, 24, 24)).cumsum(1).cumsum(2) * 20).astype(np.int16)
    for reversible in (False, True):
        first, second = (tuned(lambda: ArraySource(volume), reversible=reversible).model for _ in range(2))
        assert first is not None
        assert second is not None
        assert first.to_bytes() == second.to_bytes()
        assert first.family.reversible == reversible
        start = Model.from_bytes(read_named("general-reversible" if reversible else "general"))
        assert np.abs(first.filters - start.filters).max() > 1e-4
    for samples in (volume, np.full((3, 4, 5), 7, np.int16), np.zeros((0, 4, 5), np.int16)):
        assert (voxz.decode(voxz.encode(samples, codec=voxz.Wavelet("tuned"))) == samples).all()
    blob = voxz.encode(volume, target=voxz.MaxError(2), codec=voxz.Wavelet("tuned"))
    assert np.abs(voxz.decode(blob).astype(int) - volume).max() <= 2


def test_tuning_needs_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependencyError, match=r"tuned.*voxz\[train\]"):
        voxz.encode(np.arange(64, dtype=np.int16).reshape(4, 4, 4), codec=voxz.Wavelet("tuned"))


def test_bad_input(prepared: Path, tmp_path: Path) -> None:
    good = recipe_file(tmp_path)
    bad = tmp_path / "bad.toml"
    for change in (
        b'name = "a/b"\n',
        b'nose = 3\nname = "x"\n',
        b"name = 3\n[[stage]\n",
        b"\x93NUMPY",
        b"[stage]\nsteps = 3\n",
        b"transform = 97",
    ):
        bad.write_bytes(change)
        with pytest.raises(UsageError):
            read_recipe(bad)
    plain = [line for line in good.read_text().splitlines() if not line.startswith(("save", "validate", "reversible"))]
    changes = {
        "axes": ["some"],
        '"rate"]': ['"speed"]'],
        "steps = 3": ["steps = 0", 'steps = "3"', "steps = true", "learning_rate = 0.1"],
        "batch = 2": [
            "batch = 0",
            "batch = 1.5",
            "seed = -1",
            "start = 3",
            "bits = 1.0",
            "bits = [1]",
            "bits = [0, 1]",
            "validate_every = 0",
            "save_every = 0",
            "levels = 0",
            'include = "a*"',
            "about = { a = 1 }",
        ],
        'network = ""': [
            'network = "deep"',
            'network_sharing = "some"',
            "classes = 0",
            "reach = 5",
            "steps = 3",
            'network = "affine"\nreversible = true',
        ],
    }
    for part, others in changes.items():
        for other in others:
            bad.write_text("\n".join(plain).replace(part, other))
            with pytest.raises(UsageError, match=r"must|needs|lacks|does not exist|in place of|write \[\[stage|cannot have"):
                read_recipe(bad)
    bad.write_text(good.read_text().replace('held_out = ["b*"]', 'held_out = ["*"]'))
    with pytest.raises(UsageError, match="0 crops to train on"):
        Run.of(read_recipe(bad), prepared, tmp_path)
    with pytest.raises(UsageError, match="voxz data prepare"):
        Run.of(read_recipe(good), tmp_path / "nothing", tmp_path)
    run = Run.of(read_recipe(good), prepared, tmp_path)
    run.save()
    bad.write_text(good.read_text().replace("batch = 2", "batch = 4"))
    with pytest.raises(UsageError, match="another recipe"):
        Run.of(read_recipe(bad), prepared, tmp_path).resume()
    checkpoint = tmp_path / "checkpoint.safetensors"
    arrays, facts = unpack(checkpoint.read_bytes())
    for content in (b"", checkpoint.read_bytes()[:-1], pack({}, facts), pack(arrays, facts | {"step": "x"})):
        checkpoint.write_bytes(content)
        with pytest.raises(CorruptError, match="remove it to start anew"):
            run.resume()
    bad.write_text(good.read_text().replace("batch = 2", f"batch = 2\nstart = '{good}'"))
    with pytest.raises(CorruptError, match=r"recipe\.toml"):
        Run.of(read_recipe(bad), prepared, tmp_path)


def test_crops_without_an_image(prepared: Path, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    shutil.copytree(prepared, flat)
    for path in flat.glob("train/*.npy"):
        np.save(path, np.full_like(np.load(path), 7))
    with pytest.raises(UsageError, match=r"0 crops.*not constant"):
        Run.of(read_recipe(recipe_file(tmp_path)), flat, tmp_path)


def test_devices_and_folders_that_are_not_there(prepared: Path, tmp_path: Path) -> None:
    recipe = recipe_file(tmp_path)
    for more, out in (["--device", "abacus"], tmp_path / "out"), ([], recipe):
        result = CliRunner().invoke(app, [*command_for(prepared, recipe, out), *more])
        assert result.exit_code
        assert isinstance(result.exception, UsageError)


def test_a_loss_that_is_no_number_stops(prepared: Path, tmp_path: Path) -> None:
    run = Run.of(read_recipe(recipe_file(tmp_path)), prepared, tmp_path)
    run.save()
    kept = (tmp_path / "checkpoint.safetensors").read_bytes()
    with torch.no_grad():
        run.model.change.fill_(float("nan"))
    with pytest.raises(VoxzError, match="last good checkpoint"):
        run.go_on(lambda entry: None)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == kept


def test_a_checkpoint_is_kept_only_once_its_loss_is_a_number(prepared: Path, tmp_path: Path) -> None:
    path = recipe_file(tmp_path)
    path.write_text(path.read_text().replace("rounding = true", "learning_rate = 1e30"))  # from step 3 on
    with pytest.raises(VoxzError, match=r"at step 4; stopped. The last good checkpoint"):
        Run.of(read_recipe(path), prepared, tmp_path).go_on(lambda entry: None)
    assert unpack((tmp_path / "checkpoint.safetensors").read_bytes())[1]["step"] == "2"
