// A worker that decodes, so that a page stays responsive: new Worker("worker.js", { type: "module" }).
//
// It takes messages { id, source } to open (answered by the arrays and files), { id, call, arguments } for the functions of the
// open file, and answers { id, result } or { id, error, code }. Samples are transferred, not copied.

import { open } from "./voxz.js";

const CALLS = new Set(["files", "brickBox", "brick", "box", "preview", "samples", "restore", "head", "tail"]);
let file;

async function answered({ source, call, arguments: given = [] }) {
  if (source !== undefined) {
    file = await open(source);
    return { arrays: file.arrays, files: await file.files() };
  }
  if (!file || !CALLS.has(call)) throw new Error(file ? `there is no call ${call}` : "open a file first");
  return file[call](...given);
}

self.onmessage = async ({ data }) => {
  try {
    const result = await answered(data);
    const samples = result?.samples ?? result;
    self.postMessage({ id: data.id, result }, ArrayBuffer.isView(samples) ? [samples.buffer] : []);
  } catch (error) {
    self.postMessage({ id: data.id, error: error.message, code: error.code });
  }
};
