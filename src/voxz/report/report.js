"use strict";
// Draws the planes of a report: original, decoded, difference, with one crosshair; and the mosaic of errors.

const at = (id) => document.getElementById(id);
const NARROW = 640;
const GAP = 3;
const ORANGE = [255, 176, 40], BLUE = [64, 168, 255];

/** Bytes of a script element: base64 of deflate. */
async function inflated(id) {
  const bytes = Uint8Array.from(atob(at(id).textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Values: low bytes, then high bytes, of what is left of a code after its prediction. */
function codesOf(bytes, row, channels) {
  const count = bytes.length / 2;
  const codes = new Uint16Array(count);
  for (let i = 0; i < count; i++) {
    const left = i < channels ? 0 : codes[i - channels];
    const up = i < row ? 0 : codes[i - row];
    codes[i] = (bytes[i] | (bytes[count + i] << 8)) + ((left + up) >> 1);
  }
  return codes;
}

class Volume {
  constructor(about, codes, errors) {
    Object.assign(this, about);
    this.codes = codes;
    this.errors = errors;
  }

  index([t, z, y, x]) {
    const [, depth, height, width, channels] = this.shape;
    return (((t * depth + z) * height + y) * width + x) * channels;
  }

  original(i) {
    return this.low + this.codes[i] * this.step;
  }

  error(i) {
    return this.errors ? this.errors[i] * this.errorStep : 0;
  }

  /** Of a voxel: the error of the channel where it is largest. */
  worstError(i) {
    let found = 0;
    for (let c = 0; c < this.shape[4]; c++) {
      const error = this.error(i + c);
      if (Math.abs(error) > Math.abs(found)) found = error;
    }
    return found;
  }
}

/** A plane through the volume: which axes run across and up, and which is left. */
class Plane {
  constructor(volume, name, across, up, through) {
    [this.volume, this.name] = [volume, name];
    [this.across, this.flipAcross] = volume.orientation[across];
    [this.up, this.flipUp] = volume.orientation[up];
    [this.through] = volume.orientation[through];
    this.width = volume.shape[this.across + 1];
    this.height = volume.shape[this.up + 1];
    this.mm = [this.across, this.up].map((axis) => volume.shape[axis + 1] * volume.steps[axis + 1] * volume.spacing[axis]);
  }

  /** Place of a voxel as a share of the plane, from the left and from the top. */
  share(position) {
    const x = (position[this.across + 1] + 0.5) / this.width;
    const y = (position[this.up + 1] + 0.5) / this.height;
    return [this.flipAcross ? 1 - x : x, this.flipUp ? y : 1 - y];
  }

  /** The voxel at a share of the plane. */
  voxel(position, x, y) {
    const found = [...position];
    const place = (share, flipped, n) => Math.max(0, Math.min(n - 1, Math.floor((flipped ? 1 - share : share) * n)));
    found[this.across + 1] = place(x, this.flipAcross, this.width);
    found[this.up + 1] = place(1 - y, this.flipUp, this.height);
    return found;
  }

  /** Pixels of the plane at a position; `paint(i)` gives red, green and blue of voxel i. */
  image(position, paint) {
    const image = new ImageData(this.width, this.height);
    const place = [...position];
    for (let v = 0, k = 0; v < this.height; v++) {
      place[this.up + 1] = this.flipUp ? v : this.height - 1 - v;
      for (let u = 0; u < this.width; u++, k += 4) {
        place[this.across + 1] = this.flipAcross ? this.width - 1 - u : u;
        const [red, green, blue] = paint(this.volume.index(place));
        image.data[k] = red;
        image.data[k + 1] = green;
        image.data[k + 2] = blue;
        image.data[k + 3] = 255;
      }
    }
    return image;
  }
}

function signed(share) {
  const m = Math.min(1, Math.abs(share));
  const colour = share > 0 ? ORANGE : BLUE;
  return [m * colour[0], m * colour[1], m * colour[2]];
}

/** From black over blue and orange to white, brighter all the way. */
function heat(share) {
  const m = Math.max(0, Math.min(1, share));
  if (m < 0.5) return [110 * m, 150 * m, 330 * m];
  const n = 2 * m - 1;
  return [55 + 200 * n, 75 + 155 * n, 165 - 75 * n + 120 * n * n];
}

function plain(value) {
  return Number(value.toPrecision(5)).toString().replace("-", "−");
}

class Viewer {
  constructor(volume) {
    this.volume = volume;
    this.position = volume.worst.map((n, axis) => Math.round((n - volume.starts[axis]) / volume.steps[axis]));
    this.flickered = false;
    const planes = [new Plane(volume, "axial", 0, 1, 2), new Plane(volume, "coronal", 0, 2, 1), new Plane(volume, "sagittal", 1, 2, 0)];
    this.planes = planes.filter((plane) => Math.min(plane.width, plane.height) > 1);
    if (!this.planes.length) this.planes = planes.slice(0, 1);
    this.panels = [];
    this.build();
    this.choices();
    addEventListener("resize", () => this.draw());
    this.draw();
  }

  build() {
    const kinds = this.volume.errors ? ["original", "decoded", "difference"] : ["image"];
    for (const plane of this.planes) {
      const row = document.createElement("div");
      row.className = kinds.length > 1 ? "plane" : "plane single";
      plane.row = row;
      for (const kind of kinds) {
        const figure = document.createElement("figure");
        const canvas = document.createElement("canvas");
        const caption = document.createElement("figcaption");
        canvas.tabIndex = 0;
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `${plane.name} plane, ${kind}; arrow keys move the crosshair`);
        figure.append(canvas, caption);
        row.append(figure);
        const panel = { plane, kind, canvas, caption };
        this.panels.push(panel);
        this.listen(panel);
      }
      const slide = document.createElement("label");
      slide.className = "slide";
      const range = Object.assign(document.createElement("input"), { type: "range", min: 0, max: this.volume.shape[plane.through + 1] - 1 });
      range.oninput = () => this.move(plane.through + 1, Number(range.value));
      plane.range = range;
      slide.append(`${plane.name} slices`, range);
      if (range.max > 0) row.append(slide);
      at("planes").append(row);
    }
  }

  choices() {
    const { volume } = this;
    const fill = (id, names, chosen) => {
      at(id).replaceChildren(...names.map((name, n) => new Option(name, n, n === chosen, n === chosen)));
      at(id).onchange = () => this.draw();
    };
    fill("window", volume.windows.map(({ name }) => name), 0);
    fill("which", ["all planes", ...this.planes.map(({ name }) => name)], innerWidth <= NARROW && this.planes.length > 1 ? 1 : 0);
    fill("zoom", ["whole", "2 x", "4 x", "8 x"], 0);
    if (volume.errors) {
      fill("range", volume.ranges.map(({ name }) => name), 0);
      at("worst").onclick = () => this.goTo(volume.worst);
      at("flicker").onclick = () => this.flicker();
    }
    const series = at("series");
    series.parentElement.hidden = volume.shape[0] < 2;
    series.max = volume.shape[0] - 1;
    series.oninput = () => this.move(0, Number(series.value));
  }

  listen({ plane, canvas }) {
    const point = (event) => {
      const box = canvas.getBoundingClientRect();
      const [left, top, size] = this.part(plane);
      this.position = plane.voxel(
        this.position,
        left + ((event.clientX - box.left) / box.width) * size,
        top + ((event.clientY - box.top) / box.height) * size,
      );
      this.draw();
    };
    canvas.onpointerdown = (event) => {
      canvas.setPointerCapture(event.pointerId);
      canvas.focus({ preventScroll: true });
      point(event);
    };
    canvas.onpointermove = (event) => event.buttons && point(event);
    canvas.onwheel = (event) => {
      if (document.activeElement !== canvas) return; // a page that is scrolled over stays as it is
      event.preventDefault();
      this.step(plane.through + 1, Math.sign(event.deltaY));
    };
    canvas.onkeydown = (event) => {
      const across = plane.flipAcross ? -1 : 1, up = plane.flipUp ? -1 : 1;
      const moves = {
        ArrowLeft: [plane.across + 1, -across], ArrowRight: [plane.across + 1, across], ArrowUp: [plane.up + 1, up],
        ArrowDown: [plane.up + 1, -up], PageUp: [plane.through + 1, 1], PageDown: [plane.through + 1, -1], ",": [0, -1], ".": [0, 1],
      };
      if (moves[event.key]) this.step(...moves[event.key]);
      else if (event.key === "w" && this.volume.errors) this.goTo(this.volume.worst);
      else if (event.key === " " && this.volume.errors) this.flicker();
      else return;
      event.preventDefault();
    };
  }

  step(axis, by) {
    this.move(axis, this.position[axis] + by);
  }

  move(axis, to) {
    this.position[axis] = Math.max(0, Math.min(this.volume.shape[axis] - 1, to));
    this.draw();
  }

  goTo(voxel) {
    this.position = voxel.map((n, axis) => Math.round((n - this.volume.starts[axis]) / this.volume.steps[axis]));
    this.draw();
  }

  flicker() {
    const on = !this.timer;
    if (this.timer) clearInterval(this.timer);
    this.timer = on ? setInterval(() => this.turn(!this.flickered), 450) : 0;
    at("flicker").setAttribute("aria-pressed", on);
    this.turn(false);
  }

  turn(flickered) {
    this.flickered = flickered;
    for (const panel of this.panels) if (panel.kind === "decoded") this.paint(panel);
  }

  /** Left, top and size of the part of a plane that is shown, as shares. */
  part(plane) {
    const zoom = 2 ** at("zoom").selectedIndex;
    const [x, y] = plane.share(this.position);
    const start = (share) => Math.max(0, Math.min(1 - 1 / zoom, share - 0.5 / zoom));
    return [start(x), start(y), 1 / zoom];
  }

  draw() {
    const { volume } = this;
    const only = at("which").selectedIndex - 1;
    this.planes.forEach((plane, n) => {
      plane.row.hidden = only >= 0 && n !== only;
      plane.row.style.display = plane.row.hidden ? "none" : "";
      plane.range.value = this.position[plane.through + 1];
    });
    for (const panel of this.panels) if (!panel.plane.row.hidden) this.paint(panel);
    at("series").value = this.position[0];
    this.tell();
    if (volume.errors) this.bar();
  }

  range() {
    return this.volume.ranges[at("range").selectedIndex].value;
  }

  painter(kind) {
    const { volume } = this;
    if (kind === "difference") {
      const range = this.range();
      return (i) => signed(volume.worstError(i) / range);
    }
    const { low, high } = volume.windows[at("window").selectedIndex];
    const scale = 255 / (high - low);
    const errors = kind === "decoded" && !this.flickered;
    const gray = (i) => (volume.original(i) + (errors ? volume.error(i) : 0) - low) * scale;
    if (volume.shape[4] >= 3) return (i) => [gray(i), gray(i + 1), gray(i + 2)];
    return (i) => {
      const value = gray(i);
      return [value, value, value];
    };
  }

  paint({ plane, kind, canvas, caption }) {
    const figure = canvas.parentElement;
    const shown = this.planes.filter((other) => !other.row.hidden);
    const width = figure.clientWidth;
    // millimetres are equally long in all planes; none is much taller than wide
    const scale = Math.min(...shown.map(({ mm }) => Math.min(width / mm[0], (1.15 * width) / mm[1])));
    const [w, h] = plane.mm.map((mm) => Math.max(1, Math.round(mm * scale)));
    const dense = Math.min(2, devicePixelRatio || 1);
    Object.assign(canvas, { width: w * dense, height: h * dense });
    Object.assign(canvas.style, { width: `${w}px`, height: `${h}px` });
    const image = plane.image(this.position, this.painter(kind));
    const source = new OffscreenCanvas(plane.width, plane.height);
    source.getContext("2d").putImageData(image, 0, 0);
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = plane.width > w * dense; // smaller on the screen than it is
    const [left, top, size] = this.part(plane);
    context.drawImage(
      source, left * plane.width, top * plane.height, size * plane.width, size * plane.height, 0, 0, canvas.width, canvas.height,
    );
    const [x, y] = plane.share(this.position);
    const [cx, cy] = [((x - left) / size) * canvas.width, ((y - top) / size) * canvas.height];
    const gap = 7 * dense;
    context.strokeStyle = "rgba(86, 220, 160, .75)";
    context.lineWidth = dense;
    context.beginPath();
    for (const [x1, y1, x2, y2] of [
      [0, cy, cx - gap, cy], [cx + gap, cy, canvas.width, cy], [cx, 0, cx, cy - gap], [cx, cy + gap, cx, canvas.height],
    ]) {
      context.moveTo(x1, y1);
      context.lineTo(x2, y2);
    }
    context.stroke();
    caption.textContent = kind === "decoded" && this.flickered ? "original" : kind;
  }

  tell() {
    const { volume, position } = this;
    const i = volume.index(position);
    const place = position.map((n, axis) => volume.starts[axis] + n * volume.steps[axis]);
    const where = [["x", 3], ["y", 2], ["z", 1], ["volume", 0]].filter(([, axis]) => axis || volume.full[0] > 1);
    const scaled = (value) => plain(value * volume.slope + volume.intercept);
    const channels = Array.from({ length: volume.shape[4] }, (_, c) => c);
    const values = (of) => channels.map((c) => scaled(of(i + c))).join(", ");
    const words = [where.map(([name, axis]) => `${name} ${place[axis]}`).join(", ")];
    words.push(`${volume.errors ? "original" : "value"} ${values((k) => volume.original(k))}${volume.unit}`);
    if (volume.errors) {
      words.push(`decoded ${values((k) => volume.original(k) + volume.error(k))}${volume.unit}`);
      const error = volume.worstError(i);
      words.push(`difference ${plain(error * volume.slope)}${volume.noise ? ` (${plain(Number((error / volume.noise).toFixed(2)))} σ)` : ""}`);
    }
    at("told").textContent = words.join(" · ");
  }

  /** The colour bar of the difference, in units and in standard deviations of the noise. */
  bar() {
    const range = this.range();
    const { noise, slope, unit } = this.volume;
    const stops = [-1, -0.5, 0, 0.5, 1].map((share) => `rgb(${signed(share).map(Math.round).join(" ")})`);
    const row = (value, name) => [`−${plain(value)}${name}`, "0", `+${plain(value)}${name}`];
    const cells = [...row(Math.abs(range * slope), unit), ...(noise ? row(Number((range / noise).toFixed(2)), " σ of the noise") : [])];
    const labels = cells.map((textContent, n) => {
      return Object.assign(document.createElement("span"), { textContent, className: ["start", "middle", "end"][n % 3] });
    });
    const colours = document.createElement("i");
    colours.style.background = `linear-gradient(to right, ${stops.join(",")})`;
    at("bar").replaceChildren(...labels.slice(0, 3), colours, ...labels.slice(3));
  }
}

/** Slices of |error| in standard deviations of the noise, evenly from bottom to top, of the volume with the largest error. */
function mosaic(volume, plane) {
  const canvas = at("mosaic");
  const most = volume.largest;
  const depth = volume.shape[plane.through + 1];
  const columns = Math.max(2, Math.min(8, Math.floor(canvas.clientWidth / 150)));
  const rows = Math.min(Math.ceil(24 / columns), Math.ceil(depth / columns));
  const count = Math.min(depth, columns * rows);
  const cell = Math.floor(canvas.clientWidth / columns);
  const scale = Math.min((cell - GAP) / plane.mm[0], (1.3 * cell) / plane.mm[1]);
  const [width, height] = plane.mm.map((mm) => Math.max(1, Math.round(mm * scale)));
  Object.assign(canvas, { width: cell * columns, height: (height + GAP) * Math.ceil(count / columns) });
  const context = canvas.getContext("2d");
  const source = new OffscreenCanvas(plane.width, plane.height);
  const t = Math.round((volume.worst[0] - volume.starts[0]) / volume.steps[0]);
  for (let n = 0; n < count; n++) {
    const position = [t, 0, 0, 0];
    position[plane.through + 1] = Math.floor(((n + 0.5) * depth) / count);
    source.getContext("2d").putImageData(plane.image(position, (i) => heat(Math.abs(volume.worstError(i)) / most)), 0, 0);
    const [x, y] = [(n % columns) * cell, Math.floor(n / columns) * (height + GAP)];
    context.shadowBlur = 0;
    context.drawImage(source, x + (cell - width) / 2, y, width, height);
    context.fillStyle = "#fff";
    context.shadowColor = "#000";
    context.shadowBlur = 3;
    context.font = "11px system-ui, sans-serif";
    const slice = volume.starts[plane.through + 1] + position[plane.through + 1] * volume.steps[plane.through + 1];
    context.fillText(`${"zyx"[plane.through]} ${slice}`, x + 3, y + 11);
  }
  const stops = Array.from({ length: 9 }, (_, n) => `rgb(${heat(n / 8).map(Math.round).join(" ")})`);
  at("heat").style.background = `linear-gradient(to right, ${stops.join(",")})`;
}

async function begin() {
  if (!at("about")) return;
  const about = JSON.parse(at("about").textContent);
  const [values, errors] = await Promise.all([inflated("values"), at("errors") ? inflated("errors") : null]);
  const codes = codesOf(values, about.shape[3] * about.shape[4], about.shape[4]);
  const volume = new Volume(about, codes, errors && new Int8Array(errors.buffer));
  const viewer = new Viewer(volume);
  if (errors) {
    const axial = new Plane(volume, "axial", 0, 1, 2);
    const draw = () => mosaic(volume, axial);
    addEventListener("resize", draw);
    draw();
  }
  document.body.dataset.ready = viewer.planes.length;
}

begin().catch((error) => {
  at("told").textContent = `The pictures cannot be drawn here: ${error.message}. A newer browser shows them.`;
});
