"use strict";
// A page that decodes .voxz files in workers and shows them with NiiVue: one image, or two and their difference.

const at = (id) => document.getElementById(id);
const LARGE = 40_000_000; // bytes of samples from which on a server is asked for a preview first
const CT = [["soft tissue", -160, 240], ["lung", -1350, 150], ["bone", -770, 1730], ["brain", 0, 80], ["air", -1150, -850]];

const text = (id) => at(id).textContent.trim();
const bytesOf = (id) => Uint8Array.from(atob(text(id)), (c) => c.charCodeAt(0));

/** The decoder as WebAssembly; engines without vector instructions take the other one. */
async function decoder() {
  try {
    return await WebAssembly.compile(bytesOf("simd"));
  } catch {
    return WebAssembly.compile(bytesOf("plain"));
  }
}

const compiled = decoder();
const code = URL.createObjectURL(new Blob([text("decoder")], { type: "text/javascript" }));

/** A .voxz file, open in a worker of its own. */
class Packed {
  #asked = new Map();
  #number = 0;

  static async open(source) {
    const file = new Packed();
    file.worker = new Worker(code);
    file.worker.onmessage = ({ data: { id, result, error } }) => {
      const { resolve, reject } = file.#asked.get(id);
      file.#asked.delete(id);
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    };
    file.worker.onerror = (event) => file.#asked.forEach(({ reject }) => reject(new Error(event.message || "the worker failed")));
    file.worker.postMessage({ module: await compiled });
    Object.assign(file, await file.call("open", source));
    return file;
  }

  call(call, ...given) {
    return new Promise((resolve, reject) => {
      const id = ++this.#number;
      this.#asked.set(id, { resolve, reject });
      this.worker.postMessage({ id, call, given });
    });
  }

  /** Its volumes: a name, and how to get each as a NIfTI file. */
  volumes(about) {
    const files = this.files.map((file, entry) => ({ ...file, entry })).filter(({ name }) => name === "" || /\.nii(\.gz)?$/i.test(name));
    const shape = ({ size }) => [...size.slice(1, 4).reverse(), ...(size[0] > 1 ? [size[0]] : [])].join(" x ");
    const whole = !this.arrays.length; // a small file that was shorter without arrays
    if (files.length && about?.kind !== "array" && (whole || this.files.length === this.arrays.length)) {
      return files.map(({ name, entry, size }) => ({
        name: name || (whole ? "" : shape(this.arrays[entry])),
        bytes: whole ? size : this.arrays[entry].size.reduce((a, b) => a * b, this.arrays[entry].itemsize),
        nifti: async () => (await this.call("restore", entry)).buffer,
      }));
    }
    return this.arrays.map((array, number) => ({
      name: `${this.arrays.length > 1 ? `${number}: ` : ""}${about?.volumes?.[number]?.name ?? ""} ${shape(array)} ${array.dtype}`.trim(),
      bytes: array.size.reduce((a, b) => a * b, array.itemsize),
      nifti: async () => made(array, await this.call("whole", number), about?.volumes?.[number]?.affine),
    }));
  }

  close() {
    this.worker.terminate();
  }
}

/** Why a file shows nothing: the decoder restores the files of an archive without arrays, but finds images in NIfTI files only. */
function withoutImage(files) {
  if (!files) return "there is no image in it";
  const counted = files === 1 ? "its one file is no NIfTI file" : `none of its ${files} files is a NIfTI file`;
  return `kept whole, without arrays, and ${counted}: voxz view FILE shows its images, voxz decompress restores it`;
}

/** What was dropped or given: volumes as NIfTI files. */
async function opened({ name, source, about, preview }) {
  if (/\.voxz$/i.test(name)) {
    const file = await Packed.open(source);
    const volumes = file.volumes(about);
    if (!volumes.length) throw new Error(withoutImage(file.files.length));
    return { name, volumes, preview, close: () => file.close() };
  }
  const bytes = typeof source === "string" ? await (await fetch(source)).blob() : source instanceof Blob ? source : new Blob([source]);
  const plain = /\.gz$/i.test(name) ? bytes.stream().pipeThrough(new DecompressionStream("gzip")) : bytes.stream();
  const buffer = await new Response(plain).arrayBuffer();
  return { name, volumes: [{ name: "", bytes: buffer.byteLength, nifti: async () => buffer.slice(0) }], close() {} };
}

class App {
  constructor() {
    this.views = {};
    this.items = [];
    this.shown = {};
    at("files").onchange = () => this.take([...at("files").files].map((file) => ({ name: file.name, source: file })));
    addEventListener("dragover", (event) => {
      event.preventDefault();
      document.body.classList.add("over");
    });
    addEventListener("dragleave", () => document.body.classList.remove("over"));
    addEventListener("drop", (event) => {
      event.preventDefault();
      document.body.classList.remove("over");
      this.take([...event.dataTransfer.files].map((file) => ({ name: file.name, source: file })));
    });
    at("volume").onchange = () => this.guard(() => this.show());
    at("window").onchange = () => this.window();
    at("planes").onchange = () => this.planes();
    at("time").oninput = () => this.time();
  }

  async view(id) {
    if (!this.views[id]) {
      const view = new niivue.Niivue({
        dragAndDropEnabled: false, isColorbar: id === "third", backColor: [0, 0, 0, 1], crosshairColor: [0.34, 0.86, 0.63, 0.8],
        crosshairWidth: 0.4, crosshairWidthUnit: "percent", logLevel: "error", show3Dcrosshair: true, loadingText: "", multiplanarShowRender: 0,
      });
      await view.attachTo(id);
      view.setInterpolation(true); // voxels as they are
      view.addColormap("more", { R: [0, 255], G: [0, 176], B: [0, 40], A: [0, 255], I: [0, 255] });
      view.addColormap("less", { R: [0, 64], G: [0, 168], B: [0, 255], A: [0, 255], I: [0, 255] });
      view.onLocationChange = (place) => this.tell(place);
      this.views[id] = view;
      const all = Object.values(this.views);
      for (const one of all) one.broadcastTo(all.filter((other) => other !== one), { "2d": true, "3d": true });
    }
    return this.views[id];
  }

  async guard(work) {
    at("done").className = "";
    delete document.body.dataset.ready;
    try {
      await work();
    } catch (error) {
      at("done").textContent = error.message;
      at("done").className = "error";
    }
    document.body.dataset.ready = this.items.length;
  }

  /** Take files: to those of before, if there is one yet and the new one is not to be an overlay; else instead of them. */
  take(files) {
    return this.guard(async () => {
      if (at("overlaid").checked && this.shown.first) {
        for (const file of files) await this.overlay(await opened(file));
        return;
      }
      if (this.items.length + files.length > 2) {
        this.items.forEach((item) => item.close());
        this.items = [];
      }
      at("hint").textContent = "decoding ...";
      const found = await Promise.all(files.slice(0, 2).map((file) => opened(file)));
      // an original comes before what was decoded
      this.items = [...this.items, ...found].sort((a, b) => /\.voxz$/i.test(a.name) - /\.voxz$/i.test(b.name));
      const names = this.items.at(-1).volumes.map(({ name }) => name);
      at("volume").replaceChildren(...names.map((name, n) => new Option(name, n)));
      at("volume").parentElement.hidden = names.length < 2;
      at("name").textContent = this.items.map(({ name }) => name).join(" and ");
      await this.show();
    });
  }

  async show() {
    const number = at("volume").selectedIndex;
    const began = performance.now();
    const chosen = this.items.map(({ volumes }) => volumes[Math.min(number, volumes.length - 1)]);
    at("hint").hidden = true;
    at("panels").hidden = false;
    for (const id of ["window", "planes", "overlaid"]) at(id).parentElement.hidden = false;
    at("done").textContent = "decoding ...";
    const last = this.items.at(-1);
    if (this.items.length === 1 && last.preview && chosen[0].bytes > LARGE && !number) {
      const answer = await fetch(last.preview);
      if (answer.ok) {
        await this.put("first", await answer.arrayBuffer(), `${last.name}, preview`);
        at("done").textContent = "a preview; the whole is being decoded ...";
        document.body.dataset.preview = "1";
      }
    }
    const files = await Promise.all(chosen.map((volume) => volume.nifti()));
    const took = performance.now() - began;
    const both = files.length > 1;
    const words = [`decoded in ${(took / 1000).toFixed(2)} s`];
    await this.put("first", files[0], both ? `original: ${this.items[0].name}` : last.name);
    at("second").parentElement.hidden = at("third").parentElement.hidden = !both;
    if (both) {
      const { bytes, largest, rms } = difference(files[0], files[1]);
      const range = largest || 1;
      await this.put("second", files[1], `decoded: ${last.name}`);
      await this.put("third", bytes, "difference", { colormap: "more", colormapNegative: "less", cal_min: 0, cal_max: range });
      words.push(`largest difference ${Number(largest.toPrecision(6))}, RMSE ${Number(rms.toPrecision(4))}`);
    }
    this.windows();
    this.window();
    const frames = this.shown.first.nFrame4D ?? 1;
    at("time").max = frames - 1;
    at("time").value = 0;
    at("frame").textContent = 0;
    at("time").parentElement.hidden = frames < 2;
    this.planes();
    at("done").textContent = words.join(" · ");
  }

  async put(id, buffer, caption, options = {}) {
    const figure = at(id).parentElement;
    figure.hidden = false;
    figure.querySelector("figcaption").textContent = caption;
    const view = await this.view(id);
    await view.loadVolumes([{ url: buffer.slice(0), name: "image.nii", ...options }]);
    this.shown[id] = view.volumes[0];
  }

  async overlay({ name, volumes, close }) {
    const buffer = await volumes[0].nifti();
    for (const id of ["first", "second"]) {
      if (this.shown[id] && !at(id).parentElement.hidden) {
        const image = await niivue.NVImage.loadFromUrl({ url: buffer.slice(0), name: "overlay.nii", colormap: "warm", opacity: 0.5 });
        this.views[id].addVolume(image);
      }
    }
    at("done").textContent = `${name} is laid over`;
    close();
  }

  /** Windows: what NiiVue finds, the background, those of CT if there is air and tissue in Hounsfield units. */
  windows() {
    const { first } = this.shown;
    const [low, high] = [first.global_min, first.global_max];
    const found = [["automatic", first.robust_min, first.robust_max]];
    if (low < -500 && low > -4096 && high > 200) found.splice(0, 0, ...CT);
    else found.push(["background", low, low + 0.12 * (first.robust_max - low)]);
    found.push(["all values", low, high]);
    this.levels = found;
    at("window").replaceChildren(...found.map(([name], n) => new Option(name, n)));
    at("window").parentElement.hidden = (first.hdr?.datatypeCode ?? 0) === 128 || first.hdr?.datatypeCode === 2304;
  }

  window() {
    const [, low, high] = this.levels[at("window").selectedIndex];
    for (const id of ["first", "second"]) {
      if (!this.shown[id] || at(id).parentElement.hidden) continue;
      Object.assign(this.shown[id], { cal_min: low, cal_max: high > low ? high : low + 1 });
      this.views[id].updateGLVolume();
    }
  }

  planes() {
    const kind = Number(at("planes").value);
    for (const [id, view] of Object.entries(this.views)) if (!at(id).parentElement.hidden) view.setSliceType(kind);
  }

  time() {
    const frame = Number(at("time").value);
    at("frame").textContent = frame;
    for (const id of ["first", "second", "third"]) {
      if (this.shown[id] && !at(id).parentElement.hidden) this.views[id].setFrame4D(this.shown[id].id, frame);
    }
  }

  tell({ mm, vox }) {
    const plain = (value) => Number(value.toPrecision(5)).toString().replace("-", "−");
    const where = [...mm].slice(0, 3).map((n) => plain(Math.round(10 * n) / 10)).join(", ");
    const values = ["first", "second", "third"].flatMap((id) => {
      const image = this.shown[id];
      if (!image || at(id).parentElement.hidden) return [];
      const value = image.getValue(...vox.slice(0, 3), Number(at("time").value));
      const name = { first: this.items.length > 1 ? "original" : "value", second: "decoded", third: "difference" }[id];
      return [`${name} ${plain(value)}`];
    });
    at("told").textContent = [`voxel ${[...vox].slice(0, 3).join(", ")} · ${where} mm`, ...values].join(" · ");
  }
}

const app = new App(); // for the console, too
const given = JSON.parse(text("given"));
if (given.length) {
  app.take(given.map((file) => ({ ...file, source: file.url ? new URL(file.url, location).href : bytesOf(file.id) })));
} else {
  document.body.dataset.ready = 0;
}
