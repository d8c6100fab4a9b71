/** Reads .voxz files: lossless and lossy volumes, series and archives, decoded bit for bit by WebAssembly. */

export type Dtype =
  | "bool" | "int8" | "uint8" | "int16" | "uint16" | "int32" | "uint32" | "int64" | "uint64"
  | "float16" | "float32" | "float64" | "complex64" | "complex128" | "float128" | "complex256";

/** Samples: complex numbers as pairs, float16 as its bits in a Uint16Array, float128 as bytes. */
export type Samples =
  | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array
  | BigInt64Array | BigUint64Array | Float32Array | Float64Array;

/** Five numbers, along (series, z, y, x, channels). */
export type Canonical = number[];

export interface Box {
  start: Canonical;
  size: Canonical;
}

export interface ArrayInfo {
  dtype: Dtype;
  /** Bytes of a sample. */
  itemsize: number;
  /** Whether samples are big-endian in the files. */
  bigEndian: boolean;
  /** Whether `shape` counts from the fastest axis, as NIfTI does. */
  firstAxisFastest: boolean;
  shape: number[];
  size: Canonical;
  /** Size of a whole brick. */
  brick: Canonical;
  bricks: number;
  /** Lower resolutions: 0 is the full one, this the lowest. */
  resolutions: number;
  level: number;
  lossy: boolean;
  /** No sample is farther off; 0 if nothing was lost, Infinity if nothing is promised. */
  bound: number;
  /** Of the samples, in the byte order of the files. */
  sha256: string;
}

export interface FileInfo {
  name: string;
  /** Bytes of its content. */
  size: number;
  crc32: number;
  /** The original was the content, compressed by gzip, which is not made again here. */
  gzipped: boolean;
  /** How many samples it has; the array of the first of them, and its place there in memory order. */
  samples: number;
  array: number | null;
  first: number;
}

/** A resolution is how often z, y and x are halved, each while it has 8 samples or more; sample k lies where sample k * 2^halvings is. */
export interface Resolution {
  resolution?: number;
  /** Take samples themselves, not means, as for labels. */
  nearest?: boolean;
}

/** Where bytes come from, beside those that `open` knows. */
export interface ByteSource {
  size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
}

export class VoxzError extends Error {
  /** Status of voxz.h: 1 no .voxz file, 2 truncated, 3 damaged, 4 not supported, 5 memory, 6 argument, 7 source, 8 a model is missing. */
  readonly code: number;
}

/** An open file. Calls may overlap; they are done one after the other. Rejections are `VoxzError`s. */
export class VoxzFile {
  readonly arrays: ArrayInfo[];
  files(): Promise<FileInfo[]>;
  brickBox(array: number, brick: number, options?: Resolution): Promise<Box>;
  /** Samples of a brick in native byte order, C order of the canonical axes. One range is fetched. */
  brick(array: number, brick: number, options?: Resolution): Promise<Samples>;
  /** Samples of a box at a resolution, with whole channels; only bricks that it touches are fetched and decoded. */
  box(array: number, box: Box, options?: Resolution): Promise<Samples>;
  /** All of an array at a lower resolution. */
  preview(array: number, resolution: number, options?: Pick<Resolution, "nearest">): Promise<{ size: Canonical; samples: Samples }>;
  /** All samples as the bytes of the files have them, compared with their SHA-256. The whole file is fetched. */
  samples(array: number): Promise<Uint8Array>;
  /** Content of a file, compared with its CRC32. The whole file is fetched. */
  restore(entry?: number): Promise<Uint8Array>;
  /** What lies in a file before its samples (a header), or all of a file without samples; what lies behind them. */
  head(entry?: number): Promise<Uint8Array>;
  tail(entry?: number): Promise<Uint8Array>;
}

export interface Options {
  /** A trained model (.safetensors) by the first 16 digits of its SHA-256; by default those that ship with voxz, in models/. */
  model?(sha256: string): Promise<Uint8Array>;
}

/** Open bytes, a Blob, a URL (read by ranges where the server has them) or any `ByteSource`. */
export function open(source: ArrayBuffer | ArrayBufferView | Blob | URL | string | ByteSource, options?: Options): Promise<VoxzFile>;

/** Use this module in place of voxz.wasm beside this file: for pages that carry it, or bundlers that move it. */
export function useModule(source: BufferSource | Response | WebAssembly.Module | Promise<BufferSource | Response | WebAssembly.Module>): void;
