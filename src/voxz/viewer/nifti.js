// Just enough of NIfTI-1 to subtract one file from another, and to show arrays that were none.

const CODES = { uint8: 2, int16: 4, int32: 8, float32: 16, float64: 64, int8: 256, uint16: 512, uint32: 768 };
const TYPES = {
  2: Uint8Array, 4: Int16Array, 8: Int32Array, 16: Float32Array, 64: Float64Array, 256: Int8Array, 512: Uint16Array, 768: Uint32Array,
  128: Uint8Array, 2304: Uint8Array,
};
const HEAD = 352;

/** A NIfTI-1 file of one part: its header, dimensions, and samples in the order of this machine. */
function parsed(buffer) {
  const view = new DataView(buffer);
  const little = view.byteLength >= HEAD && view.getInt32(0, true) === 348;
  if (!little && !(view.byteLength >= HEAD && view.getInt32(0, false) === 348)) throw new Error("it is no NIfTI-1 file");
  const code = view.getInt16(70, little);
  const sizes = Array.from({ length: Math.max(0, Math.min(7, view.getInt16(40, little))) }, (_, k) => view.getInt16(42 + 2 * k, little));
  const channels = { 128: 3, 2304: 4 }[code] ?? 1;
  const count = sizes.reduce((a, b) => a * b, channels);
  const offset = Math.round(view.getFloat32(108, little));
  const type = TYPES[code];
  if (!type) throw new Error(`samples of type ${code} are not known here`);
  const samples = new type(buffer.slice(offset, offset + count * type.BYTES_PER_ELEMENT));
  if (!little && type.BYTES_PER_ELEMENT > 1) swap(new Uint8Array(samples.buffer), type.BYTES_PER_ELEMENT);
  return { view, little, sizes, channels, samples, slope: view.getFloat32(112, little) || 1, intercept: view.getFloat32(116, little) || 0 };
}

function swap(bytes, width) {
  for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
}

/** Second less first as a NIfTI file of floats in scaled units, with the largest magnitude and the root mean square. */
function difference(first, second) {
  const [a, b] = [parsed(first), parsed(second)];
  if (a.samples.length !== b.samples.length) throw new Error(`the images differ in shape: ${a.sizes.join(" x ")} and ${b.sizes.join(" x ")}`);
  const count = a.samples.length / a.channels;
  const out = new ArrayBuffer(HEAD + 4 * count);
  new Uint8Array(out).set(new Uint8Array(first, 0, 348));
  const found = new Float32Array(out, HEAD);
  let [largest, sum] = [0, 0];
  for (let i = 0, k = 0; i < count; i++) {
    let worst = 0;
    for (let c = 0; c < a.channels; c++, k++) {
      const error = b.samples[k] * b.slope - a.samples[k] * a.slope + b.intercept - a.intercept;
      if (Math.abs(error) > Math.abs(worst)) worst = error;
    }
    found[i] = worst;
    largest = Math.max(largest, Math.abs(worst));
    sum += worst * worst;
  }
  const view = new DataView(out);
  const put = (at, value) => view.setFloat32(at, value, a.little);
  view.setInt16(70, CODES.float32, a.little);
  view.setInt16(72, 32, a.little);
  put(108, HEAD);
  put(112, 1);
  [116, 124, 128].forEach((at) => put(at, 0));
  if (!a.little) swap(new Uint8Array(out, HEAD), 4);
  return { bytes: out, largest, rms: Math.sqrt(sum / Math.max(1, count)) };
}

/** A NIfTI file of samples in the order (series, z, y, x, channels); `rows` are those of an affine, if it is known. */
function made(about, samples, rows) {
  const [series, z, y, x, channels] = about.size;
  let data = samples;
  let code = CODES[about.dtype];
  if (channels === 3 && about.dtype === "uint8") code = 128;
  else if (channels === 4 && about.dtype === "uint8") code = 2304;
  else if (channels > 1) throw new Error(`${channels} channels of ${about.dtype} cannot be shown`);
  else if (about.dtype === "bool") code = CODES.uint8;
  else if (about.dtype === "int64" || about.dtype === "uint64") [data, code] = [Float64Array.from(samples, Number), CODES.float64];
  if (!code) throw new Error(`samples of type ${about.dtype} cannot be shown`);
  const out = new Uint8Array(HEAD + data.byteLength);
  const view = new DataView(out.buffer);
  view.setInt32(0, 348, true);
  [series > 1 ? 4 : 3, x, y, z, series, 1, 1, 1].forEach((n, k) => view.setInt16(40 + 2 * k, n, true));
  view.setInt16(70, code, true);
  view.setInt16(72, code === 128 ? 24 : code === 2304 ? 32 : 8 * data.BYTES_PER_ELEMENT, true);
  const affine = rows ?? [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]];
  const steps = [0, 1, 2].map((axis) => Math.hypot(...affine.map((row) => row[axis])) || 1);
  [1, ...steps, 1, 1, 1, 1].forEach((n, k) => view.setFloat32(76 + 4 * k, n, true));
  view.setFloat32(108, HEAD, true);
  view.setFloat32(112, 1, true);
  view.setUint8(123, 2 + 8);
  view.setInt16(254, 1, true);
  affine.flat().forEach((n, k) => view.setFloat32(280 + 4 * k, n, true));
  out.set([110, 43, 49, 0], 344);
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), HEAD);
  return out.buffer;
}
