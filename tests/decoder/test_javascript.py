"""The decoder as WebAssembly: in Node.js and in a browser, with and without vector instructions, the samples are the same."""

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import voxz
from http_store import Served
from phantoms import head
from samples import nifti, smooth

ROOT = Path(__file__).parents[2]
GOLDEN = sorted((ROOT / "tests/golden").glob("*.voxz"))
NODE = shutil.which("node")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="no zig; pip install ziglang"),
    pytest.mark.skipif(shutil.which("make") is None, reason="no make"),
]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built package."""
    out = tmp_path_factory.mktemp("decoder")
    command = ["make", "-C", str(ROOT / "decoder"), "js", f"OUT={out}", f"ZIG={sys.executable} -m ziglang"]
    subprocess.run(command, check=True, capture_output=True)
    return out / "js"


def node(package: Path, script: str, *arguments: object) -> Any:
    """What a script says, as JSON; it finds the package in `voxz`."""
    file = package / "script.mjs"
    file.write_text(f'import * as voxz from "./voxz.js";\nimport {{ readFile }} from "node:fs/promises";\n{script}')
    done = subprocess.run([str(NODE), str(file), *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


needs_node = pytest.mark.skipif(NODE is None, reason="no Node.js")


@needs_node
@pytest.mark.parametrize("module", ["voxz.wasm", "voxz-plain.wasm"])
def test_golden_files(package: Path, module: str) -> None:
    """Every sample of every file, by its SHA-256 and by the bricks."""
    script = f"""
import {{ createHash }} from "node:crypto";
voxz.useModule(readFile(new URL("./{module}", import.meta.url)));
const told = {{}};
for (const path of process.argv.slice(2)) {{
  const file = await voxz.open(await readFile(path));
  const {{ size }} = file.arrays[0];
  await file.samples(0); // compares them with their SHA-256
  const box = await file.box(0, {{ start: [0, 0, 0, 0, 0], size }});
  told[path] = createHash("sha256").update(new Uint8Array(box.buffer)).digest("hex");
}}
console.log(JSON.stringify(told));
"""
    found = node(package, script, *GOLDEN)
    for path in GOLDEN:
        samples = voxz.open(path).canonical()
        native = np.ascontiguousarray(samples, samples.dtype.newbyteorder("<"))
        assert found[str(path)] == hashlib.sha256(native.tobytes()).hexdigest(), path.name


@needs_node
def test_boxes_files_and_errors(package: Path, tmp_path: Path) -> None:
    volume = head((20, 30, 34))
    (tmp_path / "bricks.voxz").write_bytes(voxz.encode(volume, brick=16))
    for name, seed in (("a", 1), ("b", 2)):
        (tmp_path / f"{name}.nii").write_bytes(nifti((9, 8, 7), samples=smooth((7, 8, 9), seed=seed).tobytes())[1])
    (tmp_path / "note.txt").write_text("a note")
    voxz.compress([tmp_path / name for name in ("a.nii", "b.nii", "note.txt")], tmp_path / "archive.voxz", level=1)
    whole = (tmp_path / "archive.voxz").read_bytes()
    (tmp_path / "cut.voxz").write_bytes(whole[:-9])
    (tmp_path / "flipped.voxz").write_bytes(whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:])
    script = """
const folder = process.argv[2];
const hex = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
const bricks = await voxz.open(await readFile(`${folder}/bricks.voxz`));
const box = { start: [0, 5, 6, 7, 0], size: [1, 9, 10, 20, 1] };
const beyond = await bricks.box(0, { start: [0, 15, 0, 0, 0], size: [1, 9, 1, 1, 1] }).catch((error) => error.code);
const archive = await voxz.open(await readFile(`${folder}/archive.voxz`));
const files = await archive.files();
const restored = await Promise.all(files.map(async (file, number) => [file.name, hex(await archive.restore(number))]));
const { loadNifti } = await import("./niivue.js");
const shown = hex(new Uint8Array(await loadNifti(await readFile(`${folder}/archive.voxz`))));
const single = files.findIndex(({ name }) => name === "a.nii");
const around = [files[single].samples, files[single].array, hex(await archive.head(single)), hex(await archive.tail(single))];
const faults = {};
for (const name of ["cut", "flipped"]) {
  const opened = voxz.open(await readFile(`${folder}/${name}.voxz`)).then((file) => file.files());
  faults[name] = await opened.then(() => 0, (error) => error.code);
}
faults.none = await voxz.open(new Uint8Array([1, 2, 3])).catch((error) => error.code);
console.log(JSON.stringify({ box: hex(await bricks.box(0, box)), beyond, restored, shown, around, faults }));
"""
    told = node(package, script, tmp_path)
    assert told["box"] == np.ascontiguousarray(volume[5:14, 6:16, 7:27], "<i2").tobytes().hex()
    assert told["beyond"] == 6
    assert {name: bytes.fromhex(data) for name, data in told["restored"]} == {
        name: (tmp_path / name).read_bytes() for name in ("a.nii", "b.nii", "note.txt")
    }
    assert bytes.fromhex(told["shown"]) == (tmp_path / "a.nii").read_bytes()
    original = (tmp_path / "a.nii").read_bytes()
    samples, array, before, behind = told["around"]
    assert (samples, array) == (504, 0)
    assert (bytes.fromhex(before), bytes.fromhex(behind)) == (original[:352], b"")
    assert told["faults"] == {"cut": 2, "flipped": 3, "none": 1}


@needs_node
def test_a_brick_over_http_takes_two_requests(package: Path, served: Served) -> None:
    volume = np.random.default_rng(0).integers(0, 60000, (64, 64, 64), np.uint16)
    served.files["a.voxz"] = voxz.encode(volume, brick=32)
    script = """
const file = await voxz.open(process.argv[2]);
const brick = await file.brick(0, 3);
const { start, size } = await file.brickBox(0, 3);
console.log(JSON.stringify({ first: [...brick.slice(0, 4)], start, size }));
"""
    told = node(package, script, served.url("a.voxz"))
    assert told["start"][1:4] == [0, 32, 32]
    assert told["first"] == volume[0, 32, 32:36].tolist()
    requests, size = served.taken()
    assert requests == 2, "the front, and the brick"
    assert size < len(served.files["a.voxz"]) / 2


@needs_node
def test_a_preview_over_http_takes_two_requests(package: Path, served: Served) -> None:
    volume = np.random.default_rng(0).integers(0, 60000, (64, 64, 64), np.uint16)
    served.files["a.voxz"] = voxz.encode(volume, codec="wavelet", target=voxz.Psnr(60))
    script = """
const file = await voxz.open(process.argv[2]);
const { size, samples } = await file.preview(0, 2);
const near = await file.box(0, { start: [0, 1, 2, 3, 0], size: [1, 4, 5, 6, 1] }, { resolution: 1 });
const { resolutions } = file.arrays[0];
console.log(JSON.stringify({ size, samples: [...samples], near: [...near], resolutions }));
"""
    told = node(package, script, served.url("a.voxz"))
    with voxz.open(served.files["a.voxz"]) as image:
        assert told["size"] == [1, 16, 16, 16, 1]
        assert told["samples"] == image.preview(2).ravel().tolist()
        assert told["near"] == image.preview(1)[1:5, 2:7, 3:9].ravel().tolist()
    assert told["resolutions"] == 4
    assert served.taken()[0] == 2, "the front, and the brick"


@needs_node
def test_the_codec_of_zarrita(package: Path, tmp_path: Path) -> None:
    chunk = head((6, 8, 10))
    (tmp_path / "chunk").write_bytes(voxz.encode(chunk))
    script = """
const { VoxzCodec } = await import("./zarrita.js");
const codec = VoxzCodec.fromConfig({}, { shape: [6, 8, 10] });
const { data, shape, stride } = await codec.decode(await readFile(process.argv[2]));
console.log(JSON.stringify({ data: [...data], shape, stride }));
"""
    told = node(package, script, tmp_path / "chunk")
    assert (told["shape"], told["stride"]) == ([6, 8, 10], [80, 10, 1])
    assert told["data"] == chunk.ravel().tolist()


@pytest.mark.skipif(BROWSER is None, reason="no Chromium")
def test_a_worker_in_a_browser(package: Path, served: Served, tmp_path: Path) -> None:
    """Over HTTP, by ranges; the page asks for a file whose name is what it found."""
    volume = head((12, 40, 44))
    for file in filter(Path.is_file, package.iterdir()):
        served.files[file.name] = file.read_bytes()
    served.files["a.voxz"] = voxz.encode(volume, level=5)
    served.files["index.html"] = b"""<!doctype html><title>a worker</title><script type="module">
const worker = new Worker("worker.js", { type: "module" });
const ask = (message) => new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => (data.error ? reject(data.error) : resolve(data.result));
  worker.postMessage(message);
});
const found = async () => {
  await ask({ id: 1, source: new URL("a.voxz", location).href });
  const bytes = await ask({ id: 2, call: "samples", arguments: [0] });
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
};
fetch(`found/${await found().catch((error) => error)}`);
</script>"""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={tmp_path}"]
    options += ["--disable-background-networking", "--no-first-run", "--disable-sync", "--disable-quic"]
    browser = subprocess.Popen(
        [str(BROWSER), *options, served.url("index.html")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 60
        while not any(path.startswith("/found/") for path in served.paths) and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        browser.terminate()
        browser.wait(20)
    told = [path.removeprefix("/found/") for path in served.paths if path.startswith("/found/")]
    assert told == [hashlib.sha256(volume.astype("<i2").tobytes()).hexdigest()]
