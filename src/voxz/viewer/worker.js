// What a page's worker does, behind the decoder in the same script: { module } comes first, then { id, call, arguments }.

let opened;

const CALLS = {
  async open(source) {
    opened = await open(source);
    return { arrays: opened.arrays, files: await opened.files() };
  },
  restore: (entry) => opened.restore(entry),
  async whole(array) {
    const { size } = opened.arrays[array];
    return opened.box(array, { start: [0, 0, 0, 0, 0], size });
  },
};

self.onmessage = async ({ data: { module, id, call, given } }) => {
  if (module) {
    useModule(module);
    return;
  }
  try {
    const result = await CALLS[call](...given);
    self.postMessage({ id, result }, ArrayBuffer.isView(result) ? [result.buffer] : []);
  } catch (error) {
    self.postMessage({ id, error: error.message });
  }
};
