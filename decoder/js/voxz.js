// Reads .voxz files with the decoder in C, as WebAssembly: in browsers, workers and Node.js. Types and documentation: voxz.d.ts.

const STATUS = { OK: 0, MEMORY: 5, ARGUMENT: 6, SOURCE: 7, MODEL: 8 };
const NEAREST = 256; // beside a resolution
const PARTS = { all: 0, head: 1, tail: 2 };
const NAMES = [
  "", "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
  "float16", "float32", "float64", "complex64", "complex128", "float128", "complex256",
];
const TYPES = {
  bool: Uint8Array, int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array,
  uint32: Uint32Array, int64: BigInt64Array, uint64: BigUint64Array, float16: Uint16Array, float32: Float32Array,
  float64: Float64Array, complex64: Float32Array, complex128: Float64Array, float128: Uint8Array, complex256: Uint8Array,
};

const SCRATCH = 4096; // bytes for numbers that functions give back
const FIRST_MEMORY = 1 << 24;
const MOST_MEMORY = 2 ** 31 - 2 ** 17;
const PAGE = 1 << 16;
const FRONT = 1 << 16; // bytes that are fetched first, and at least

/** A failure of the decoder: `code` is the status of voxz.h. */
export class VoxzError extends Error {
  constructor(message, code) {
    super(message);
    this.name = "VoxzError";
    this.code = code;
  }
}

let compiled;

/** Use this module (bytes, a response, or a compiled module) in place of voxz.wasm beside this file. */
export function useModule(source) {
  compiled = compile(source);
}

async function compile(source) {
  const given = await source;
  if (given instanceof WebAssembly.Module) return given;
  return WebAssembly.compile(given instanceof Response ? await given.arrayBuffer() : given);
}

/** The module beside this file; for engines without vector instructions, the one that does without. */
async function ownModule() {
  try {
    return await compile(beside("./voxz.wasm"));
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    return compile(beside("./voxz-plain.wasm"));
  }
}

async function beside(name) {
  const place = new URL(name, import.meta.url);
  if (place.protocol !== "file:") return fetch(place);
  const { readFile } = await import("node:fs/promises");
  return readFile(place);
}

/** Open a file: bytes, a Blob, a URL (by ranges), or an object with `size` and `read(offset, length)`. */
export async function open(source, { model = ownModel } = {}) {
  compiled ??= ownModule();
  const [module, bytes] = await Promise.all([compiled, sourceOf(source)]);
  return VoxzFile.open(module, bytes, model);
}

/** A trained model that ships with voxz, by the first 16 digits of its SHA-256. */
async function ownModel(sha256) {
  const found = await beside(`./models/${sha256}.safetensors`).catch(() => null);
  if (!found || (found instanceof Response && !found.ok)) throw new VoxzError(`the model ${sha256} is not here`, STATUS.MODEL);
  return new Uint8Array(found instanceof Response ? await found.arrayBuffer() : found);
}

async function sourceOf(source) {
  if (source instanceof ArrayBuffer) return whole(new Uint8Array(source));
  if (ArrayBuffer.isView(source)) return whole(new Uint8Array(source.buffer, source.byteOffset, source.byteLength));
  if (typeof Blob !== "undefined" && source instanceof Blob) {
    return {
      size: source.size,
      read: async (offset, length) => new Uint8Array(await source.slice(offset, offset + length).arrayBuffer()),
    };
  }
  return typeof source === "string" || source instanceof URL ? overHttp(source) : source;
}

function whole(bytes) {
  return { size: bytes.length, bytes, read: async (offset, length) => bytes.subarray(offset, offset + length) };
}

/** A file behind a URL: two requests find any brick; a server without ranges gives all of it at once. */
async function overHttp(url) {
  const front = await fetch(url, { headers: { Range: `bytes=0-${FRONT - 1}` } });
  if (!front.ok) throw new VoxzError(`${url}: ${front.status} ${front.statusText}`, STATUS.SOURCE);
  const first = new Uint8Array(await front.arrayBuffer());
  const total = front.status === 206 ? Number((front.headers.get("Content-Range") ?? "").split("/")[1]) : first.length;
  if (front.status !== 206 || !Number.isFinite(total)) return whole(first);
  return {
    size: total,
    first,
    read: async (offset, length) => {
      const answer = await fetch(url, { headers: { Range: `bytes=${offset}-${offset + length - 1}` } });
      if (answer.status !== 206) throw new VoxzError(`${url}: ${answer.status} ${answer.statusText}`, STATUS.SOURCE);
      return new Uint8Array(await answer.arrayBuffer());
    },
  };
}

/** An open file. Calls wait for each other: an instance of the decoder does one thing at a time. */
export class VoxzFile {
  #instance;
  #memory;
  #source;
  #parts = []; // what was fetched: [offset, bytes]
  #wanted = null;
  #wantedModel = null;
  #written = [];
  #handle = 0;
  #room = FIRST_MEMORY;
  #queue = Promise.resolve();
  #model;
  #models = [];

  static async open(module, source, model) {
    const file = new VoxzFile();
    file.#source = source;
    file.#model = model;
    if (source.bytes) file.#parts.push([0, source.bytes]);
    if (source.first) file.#parts.push([0, source.first]);
    file.#instance = await WebAssembly.instantiate(module, {
      voxz: {
        read: (offset, to, length) => file.#read(offset, to >>> 0, length >>> 0),
        write: (from, length) => file.#write(from >>> 0, length >>> 0),
        model: (sha256, bytes, size) => file.#giveModel(file.#text(sha256 >>> 0), bytes >>> 0, size >>> 0),
      },
    });
    file.#memory = file.#instance.exports.memory;
    await file.#reopen();
    file.arrays = [];
    for (let told; (told = file.#describe(file.arrays.length)); ) file.arrays.push(told);
    return file;
  }

  /** The files that can be restored: name, bytes, CRC32, whether the original was gzip, and which samples it has. */
  async files() {
    return this.#alone(async () => {
      const found = [];
      for (;;) {
        const describe = () => this.#instance.exports.describe_entry(this.#handle, found.length, this.#scratch);
        if ((await this.#call(describe, STATUS.ARGUMENT)) !== STATUS.OK) return found;
        const [size, crc32, gzipped, samples, array, first, place, length] = this.#numbers(8);
        const name = new TextDecoder().decode(this.#bytes(place, length));
        found.push({ name, size, crc32, gzipped: Boolean(gzipped), samples, array: samples ? array : null, first });
      }
    });
  }

  /** Where a brick lies at a resolution: `start` and `size` along (series, z, y, x, channels). */
  async brickBox(array, brick, options) {
    return this.#alone(() => this.#brickBox(array, brick, resolutionOf(options)));
  }

  /** Samples of a brick at a resolution, in C order of (series, z, y, x, channels). */
  async brick(array, brick, options) {
    return this.#alone(() => this.#brick(array, brick, resolutionOf(options)));
  }

  /** Samples of a box at a resolution, whose channels are whole; only the bricks that it touches are fetched and decoded. */
  async box(array, box, options) {
    return this.#alone(() => this.#box(array, box, resolutionOf(options)));
  }

  /** All of an array at a lower resolution: its size, and the samples. */
  async preview(array, resolution, options) {
    return this.#alone(async () => {
      const wished = resolutionOf({ ...options, resolution });
      const box = await this.#brickBox(array, -1, wished);
      return { size: box.size, samples: await this.#box(array, box, wished) };
    });
  }

  /** All samples of an array in memory order, in the byte order of the files, compared with their SHA-256. */
  async samples(array) {
    return this.#alone(async () => {
      await this.#fetchAll();
      return this.#streamed(() => this.#instance.exports.samples(this.#handle, array));
    });
  }

  /** Content of a file, compared with its CRC32. */
  async restore(entry = 0) {
    return this.#alone(async () => {
      await this.#fetchAll();
      return this.#streamed(() => this.#instance.exports.restore(this.#handle, entry, PARTS.all));
    });
  }

  /** What lies in a file before its samples. */
  async head(entry = 0) {
    return this.#alone(() => this.#streamed(() => this.#instance.exports.restore(this.#handle, entry, PARTS.head)));
  }

  /** What lies in a file behind its samples. */
  async tail(entry = 0) {
    return this.#alone(() => this.#streamed(() => this.#instance.exports.restore(this.#handle, entry, PARTS.tail)));
  }

  #array(number) {
    if (!this.arrays[number]) throw new VoxzError(`there is no array ${number}; the file has ${this.arrays.length}`, 6);
    return this.arrays[number];
  }

  async #box(array, { start, size }, resolution) {
    const about = this.#array(array);
    const whole = await this.#brickBox(array, -1, resolution);
    if (start.some((from, axis) => from < 0 || size[axis] < 0 || from + size[axis] > whole.size[axis])) {
      throw new VoxzError(`the box lies outside of the array, which has the size ${whole.size.join(" x ")}`, STATUS.ARGUMENT);
    }
    const found = new TYPES[about.dtype](size.reduce((a, b) => a * b, 1) * perSample(about));
    for (let brick = 0; brick < about.bricks; brick++) {
      const own = await this.#brickBox(array, brick, resolution);
      if (!touches(own, start, size)) continue;
      copy(found, { start, size }, await this.#brick(array, brick, resolution), own, perSample(about));
    }
    return found;
  }

  async #brickBox(array, brick, resolution) {
    await this.#call(() => this.#instance.exports.brick_box(this.#handle, array, brick, resolution, this.#scratch));
    const numbers = this.#numbers(10);
    return { start: numbers.slice(0, 5), size: numbers.slice(5) };
  }

  async #brick(array, brick, resolution) {
    const about = this.#array(array);
    const { size } = await this.#brickBox(array, brick, resolution);
    const length = size.reduce((a, b) => a * b, about.itemsize);
    await this.#call(() => this.#instance.exports.decode_brick(this.#handle, array, brick, resolution, this.#output(length), length));
    return new TYPES[about.dtype](this.#bytes(this.#end, length).slice().buffer);
  }

  /** For functions that read all of the file. */
  async #fetchAll() {
    if (this.#source.bytes) return;
    this.#source.bytes = await this.#source.read(0, this.#source.size);
    this.#parts = [[0, this.#source.bytes]];
  }

  /** What a function writes. */
  async #streamed(work) {
    await this.#call(() => {
      this.#written = [];
      return work();
    });
    const written = new Uint8Array(this.#written.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.#written) {
      written.set(part, at);
      at += part.length;
    }
    this.#written = [];
    return written;
  }

  #alone(work) {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
  }

  /** Call the decoder until it has what it needs of the file, and memory enough; the other status is no failure, either. */
  async #call(work, other = STATUS.OK) {
    for (;;) {
      const status = work();
      if (status === STATUS.OK || status === other) return status;
      if (status === STATUS.SOURCE && this.#wanted) {
        await this.#fetch();
      } else if (status === STATUS.MEMORY && this.#room < MOST_MEMORY) {
        this.#room = Math.min(2 * this.#room, MOST_MEMORY);
        await this.#reopen();
      } else if (status === STATUS.MODEL && this.#wantedModel) {
        const sha256 = this.#wantedModel;
        this.#wantedModel = null;
        this.#models.push({ sha256, bytes: await this.#model(sha256) });
        await this.#reopen();
      } else {
        const handle = this.#handle || this.#view().getUint32(this.#scratch, true);
        throw new VoxzError(this.#text(this.#instance.exports.message(handle)), status);
      }
    }
  }

  async #reopen() {
    this.#handle = 0;
    await this.#call(() => {
      this.#reserve(this.#end);
      return this.#instance.exports.open(this.#source.size, this.#start, this.#room, this.#scratch);
    });
    this.#handle = this.#view().getUint32(this.#scratch, true);
    let at = this.#scratch + SCRATCH;
    for (const model of this.#models) {
      this.#bytes(at, model.bytes.length).set(model.bytes);
      model.at = at;
      at += aligned(model.bytes.length);
    }
  }

  async #fetch() {
    const { offset, length } = this.#wanted;
    this.#wanted = null;
    const wished = Math.min(Math.max(length, FRONT), this.#source.size - offset);
    const bytes = await this.#source.read(offset, wished);
    if (bytes.length < length) throw new VoxzError("the file ends before its data do", 2);
    this.#parts.push([offset, bytes]);
    if (this.#parts.length > 64) this.#parts.splice(1, 1); // the front stays
  }

  #read(offset, to, length) {
    const part = this.#parts.find(([start, bytes]) => start <= offset && offset + length <= start + bytes.length);
    if (!part) {
      this.#wanted = { offset, length };
      return 1;
    }
    this.#bytes(to, length).set(part[1].subarray(offset - part[0], offset - part[0] + length));
    return 0;
  }

  #giveModel(sha256, bytes, size) {
    const model = this.#models.find((given) => given.sha256 === sha256);
    if (!model) {
      this.#wantedModel = sha256;
      return 1;
    }
    this.#view().setUint32(bytes, model.at, true);
    this.#view().setUint32(size, model.bytes.length, true);
    return 0;
  }

  #write(from, length) {
    this.#written.push(this.#bytes(from, length).slice());
    return 0;
  }

  #describe(number) {
    const sha256 = this.#scratch + 1024;
    if (this.#instance.exports.describe_array(this.#handle, number, this.#scratch, sha256) !== STATUS.OK) return null;
    const told = this.#numbers(27);
    const [dtype, itemsize, bigEndian, firstAxisFastest, axes, bricks, resolutions, level, lossy, bound] = told;
    return {
      dtype: NAMES[dtype], itemsize, bigEndian: Boolean(bigEndian), firstAxisFastest: Boolean(firstAxisFastest), bricks, resolutions,
      level, lossy: Boolean(lossy), bound, shape: told.slice(10, 10 + axes), size: told.slice(17, 22), brick: told.slice(22, 27),
      sha256: Array.from(this.#bytes(sha256, 32), (byte) => byte.toString(16).padStart(2, "0")).join(""),
    };
  }

  // Memory: numbers that functions give back, models, then the decoder's own, then samples of a brick.
  get #scratch() {
    return this.#instance.exports.__heap_base.value;
  }

  get #start() {
    return this.#models.reduce((at, { bytes }) => at + aligned(bytes.length), this.#scratch + SCRATCH);
  }

  get #end() {
    return this.#start + this.#room;
  }

  #output(length) {
    this.#reserve(this.#end + length);
    return this.#end;
  }

  #reserve(end) {
    const missing = end - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE));
  }

  #bytes(at, length) {
    return new Uint8Array(this.#memory.buffer, at, length);
  }

  #view() {
    return new DataView(this.#memory.buffer);
  }

  #numbers(count) {
    const view = this.#view();
    return Array.from({ length: count }, (_, k) => view.getFloat64(this.#scratch + 8 * k, true));
  }

  #text(at) {
    const rest = new Uint8Array(this.#memory.buffer, at);
    return new TextDecoder().decode(rest.slice(0, rest.indexOf(0)));
  }
}

function aligned(length) {
  return Math.ceil(length / 16) * 16;
}

/** Elements of a typed array that make a sample. */
function perSample(about) {
  return about.itemsize / TYPES[about.dtype].BYTES_PER_ELEMENT;
}

/** What the decoder takes for a resolution. */
function resolutionOf({ resolution = 0, nearest = false } = {}) {
  return resolution + (nearest ? NEAREST : 0);
}

/** Whether a brick has samples of a box. */
function touches(brick, start, size) {
  return start.every((from, axis) => brick.start[axis] < from + size[axis] && from < brick.start[axis] + brick.size[axis]);
}

/** Copy what a brick and a box share, row by row. */
function copy(target, box, samples, brick, elements) {
  const channels = box.size[4] * elements;
  const from = box.start.map((n, axis) => Math.max(n, brick.start[axis]));
  const to = box.start.map((n, axis) => Math.min(n + box.size[axis], brick.start[axis] + brick.size[axis]));
  const place = (of, s, z, y, x) =>
    ((((s - of.start[0]) * of.size[1] + z - of.start[1]) * of.size[2] + y - of.start[2]) * of.size[3] + x - of.start[3]) * channels;
  for (let s = from[0]; s < to[0]; s++)
    for (let z = from[1]; z < to[1]; z++)
      for (let y = from[2]; y < to[2]; y++) {
        const row = place(brick, s, z, y, from[3]);
        target.set(samples.subarray(row, row + (to[3] - from[3]) * channels), place(box, s, z, y, from[3]));
      }
}
