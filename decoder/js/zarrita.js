// zarrita reads Zarr 3 arrays of the codec "voxz": import { registry } from "zarrita"; registry.set("voxz", async () => VoxzCodec).

import { open, VoxzError } from "./voxz.js";

/** The codec from arrays to bytes; it only decodes. */
export class VoxzCodec {
  kind = "array_to_bytes";

  constructor(shape) {
    this.shape = shape;
  }

  static fromConfig(_configuration, meta) {
    return new VoxzCodec(meta.shape);
  }

  /** A chunk: its samples, shape and strides in C order. */
  async decode(bytes) {
    const file = await open(bytes);
    const { size } = file.arrays[0];
    const data = await file.box(0, { start: [0, 0, 0, 0, 0], size });
    const stride = this.shape.map((_, axis) => this.shape.slice(axis + 1).reduce((a, b) => a * b, 1));
    return { data, shape: this.shape, stride };
  }

  encode() {
    throw new VoxzError("this codec only decodes; write with Zarr in Python", 4);
  }
}
