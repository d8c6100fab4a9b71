// NiiVue shows .voxz: nv.useLoader(loadNifti, "voxz", "nii"). What it gets is the NIfTI file that was compressed.

import { open, VoxzError } from "./voxz.js";

/** Bytes of the NIfTI file in a .voxz file: of the first one, in an archive. */
export async function loadNifti(source) {
  const file = await open(source);
  const files = await file.files();
  const entry = files.findIndex(({ name }) => name === "" || /\.nii(\.gz)?$/i.test(name));
  if (entry < 0) throw new VoxzError(`there is no NIfTI file in it; it has ${files.length} files`, 4);
  const { buffer, byteOffset, byteLength } = await file.restore(entry);
  return buffer.slice(byteOffset, byteOffset + byteLength);
}
