// A brush that marks what is missing in a picture: by finger, mouse or keyboard, or from a file.

import {Picture} from './picture.js';

const COLOR = '#e0218a';

export class Brush {
  /**
   * @param {HTMLCanvasElement} canvas lies over the picture; what is opaque in it is missing.
   * @param {HTMLElement} area where strokes are drawn.
   * @param {HTMLInputElement} size a range: the width of a stroke, in hundredths of the picture's shorter side.
   * @param {() => void} changed called after each stroke.
   */
  constructor(canvas, area, size, changed) {
    Object.assign(this, {canvas, size, changed, on: false, from: null, at: {x: 0, y: 0}});
    this.context = canvas.getContext('2d', {willReadFrequently: true});
    area.addEventListener('pointerdown', (event) => this.#press(event));
    area.addEventListener('pointermove', (event) => this.#move(event));
    for (const end of ['pointerup', 'pointercancel']) area.addEventListener(end, () => this.#lift());
    canvas.addEventListener('keydown', (event) => this.#key(event));
  }

  /** Takes a new picture; nothing of it is missing. */
  start(width, height) {
    Object.assign(this.canvas, {width, height});
    this.at = {x: width / 2, y: height / 2};
  }

  clear() {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.changed();
  }

  /** Takes a file that is white where the picture is missing. */
  async open(file) {
    const {shown, width, height} = await Picture.open(file, file.name);
    if (width !== this.canvas.width || height !== this.canvas.height) {
      throw new Error(`${file.name} has ${width} x ${height} pixels, the picture ${this.canvas.width} x ` +
        `${this.canvas.height}; they must have the same size.`);
    }
    this.context.clearRect(0, 0, width, height);
    this.context.fillStyle = COLOR;
    const marks = this.context.createImageData(width, height), color = [0xe0, 0x21, 0x8a, 255];
    for (let at = 0; at < shown.data.length; at += 4) {
      if (0.299 * shown.data[at] + 0.587 * shown.data[at + 1] + 0.114 * shown.data[at + 2] >= 127.5) marks.data.set(color, at);
    }
    this.context.putImageData(marks, 0, 0);
    this.changed();
  }

  /** Returns {data: Uint8Array, width, height}: 1 where the picture is missing; null where it is whole. */
  get mask() {
    const {width, height} = this.canvas;
    const {data} = this.context.getImageData(0, 0, width, height);
    const mask = new Uint8Array(width * height);
    for (let pixel = 0; pixel < mask.length; ++pixel) mask[pixel] = data[4 * pixel + 3] >= 128;
    return mask.includes(1) ? {data: mask, width, height} : null;
  }

  get #width() {
    return Math.max(1, this.size.valueAsNumber / 100 * Math.min(this.canvas.width, this.canvas.height));
  }

  #place(event) {
    const {left, top, width, height} = this.canvas.getBoundingClientRect();
    return {x: (event.clientX - left) / width * this.canvas.width, y: (event.clientY - top) / height * this.canvas.height};
  }

  #press(event) {
    if (!this.on || event.button) return;
    this.from = this.#place(event);
    this.#stroke(this.from);
  }

  #move(event) {
    if (this.from) this.#stroke(this.#place(event));
  }

  #lift() {
    if (!this.from) return;
    this.from = null;
    this.changed();
  }

  #stroke(to) {
    const {context} = this;
    Object.assign(context, {strokeStyle: COLOR, lineWidth: this.#width, lineCap: 'round'});
    context.beginPath();
    context.moveTo(this.from.x, this.from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    this.from = this.at = to;
  }

  /** Arrows move the brush by its width; with Shift, or Space, it draws. */
  #key(event) {
    const [right, down] = {ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1], ' ': [0, 0]}[event.key] ??
        [];
    if (!this.on || right === undefined) return;
    event.preventDefault();
    const within = (value, most) => Math.min(Math.max(value, 0), most);
    const to = {
      x: within(this.at.x + right * this.#width, this.canvas.width),
      y: within(this.at.y + down * this.#width, this.canvas.height),
    };
    if (event.shiftKey || event.key === ' ') {
      this.from = this.at;
      this.#stroke(to);
      this.#lift();
    }
    this.at = to;
    this.canvas.setAttribute('aria-description',
        `at ${Math.round(100 * to.x / this.canvas.width)} % from the left, ${Math.round(100 * to.y / this.canvas.height)} % from the top`);
  }
}
