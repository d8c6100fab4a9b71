// What a page's worker does, behind the decoder in the same script: { module } comes first, then { id, call, arguments }.

let opened;

const CALLS = {
  async open(source) {
    opened = await open(source);
    return { arrays: opened.arrays, files: await opened.files() };
  },
  restore: (entry) => opened.restore(entry),
  head: (entry) => opened.head(entry),
  async brick(array, brick) {
    return { box: await opened.brickBox(array, brick), samples: await opened.brick(array, brick) };
  },
  /** Numbers of bricks, the nearest to the middle of the array first. */
  async order(array) {
    const { size, bricks } = opened.arrays[array];
    const far = [];
    for (let brick = 0; brick < bricks; brick++) {
      const box = await opened.brickBox(array, brick);
      far.push(Math.hypot(...size.map((all, axis) => box.start[axis] + (box.size[axis] - all) / 2)));
    }
    return [...far.keys()].sort((a, b) => far[a] - far[b]);
  },
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
    self.postMessage({ id, result }, [result, result?.samples].filter(ArrayBuffer.isView).map(({ buffer }) => buffer));
  } catch (error) {
    self.postMessage({ id, error: error.message });
  }
};
