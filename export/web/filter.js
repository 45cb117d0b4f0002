// A filter: what makes a picture of a picture of any size. It is `keras-gans filter`, in the browser.

import {Model} from './model.js';
import {MOST_PIXELS} from './picture.js';
import {grey, maskTensor, toPixels, toTensor} from './pixels.js';
import {BICUBIC, fit, resize} from './resize.js';
import {blend} from './tiles.js';

const TILE = 1024, LEAST = 16; // pixels, of models that take any size

export class Filter {
  /**
   * Loads a filter.
   * @param {object} described its entry in models.json.
   * @param {'wasm'|'webgpu'} accelerator
   * @param {(fraction: number) => void} report
   */
  static async load(described, accelerator, report) {
    const model = await Model.load(described, accelerator, report);
    try {
      return new Filter(described, model, described.predict && await Model.load(described.predict, accelerator, report, 1));
    } catch (error) {
      model.delete();
      throw error;
    }
  }

  constructor(described, model, predict) {
    this.name = described.name;
    this.model = model;
    this.predict = predict; // a model that makes a style of a picture
    [, this.height, this.width, this.channels] = described.inputs.images;
    this.made = described.outputs.images.at(-1);
    this.scale = described.scale;
    this.multiple = described.multiple;
    this.styles = described.inputs.weights?.[1] ?? 0; // that are numbered
    this.takesMask = 'mask' in described.inputs;
    this.takesAlpha = 'alpha' in described.inputs;
  }

  /** Whether the strength can be chosen. */
  get hasStrength() {
    return this.takesAlpha || this.styles > 0 || this.predict !== undefined;
  }

  /** Whether a picture can go through in tiles, and whether it can be brought to the filter's size. */
  get fits() {
    return {tiles: this.model.open || this.width === this.height, resize: !this.model.open};
  }

  /** In words. */
  get takes() {
    const size = this.model.open ? 'pictures of any size' : `${this.width} x ${this.height} pixels at a time`;
    return this.scale > 1 ? `${size}, and makes them ${this.scale} times as wide and high` : size;
  }

  /** Returns the style of a picture, a Float32Array. */
  style(picture) {
    const [, height, width] = this.predict.inputs.images;
    return this.predict.run({images: toTensor(fit(picture, width, height), {left: 0, top: 0, width, height}, 3)});
  }

  /**
   * Filters a picture.
   * @param {{data: Uint8ClampedArray, width: number, height: number}} picture RGBA; its alpha is not looked at.
   * @param {object} options
   *   fit: 'tiles' or 'resize';
   *   strength: 0 to 1;
   *   style: Float32Array of `style`, or weights: one for each numbered style, of sum one;
   *   mask: {data, width, height}, 1 where pixels are missing;
   *   alpha: Uint8Array of the picture's alpha that the result is to have, or null;
   *   report: called with the fraction that is done; what it throws ends the work.
   * @returns {Promise<ImageData>}
   */
  async apply(picture, {fit, strength = 1, style, weights, mask, alpha = null, report = async () => {}}) {
    const width = picture.width * this.scale, height = picture.height * this.scale;
    if (width * height > MOST_PIXELS) {
      throw new Error(`The result would have ${width} x ${height} pixels, more than ${MOST_PIXELS / 1e6} million; ` +
        'choose a smaller picture.');
    }
    if (this.channels === 1) picture = grey(picture);
    const feeds = {weights, style, alpha: Float32Array.of(strength)};
    if (this.predict && strength < 1) feeds.style = mixed(await this.style(picture), style, strength);
    const made = await (fit === 'resize' ? this.#resized : this.#tiled).call(this, picture, mask, feeds, report);
    if (this.styles && strength < 1) lighten(made.data, picture.data, strength);
    if (mask) keepKnown(made.data, picture.data, mask.data);
    if (alpha) cover(made.data, resize({data: alpha, ...size(picture)}, width, height, BICUBIC).data);
    return made;
  }

  async #tiled(picture, mask, feeds, report) {
    const {multiple} = this, sides = [picture.width, picture.height];
    let [width, height] = sides.map((side) => Math.ceil(Math.max(side, LEAST) / multiple) * multiple);
    let window = Math.max(2, Math.floor(TILE / multiple)) * multiple;
    if (!this.model.open) {
      window = this.width;
      [width, height] = sides.map((side) => Math.max(side, window));
    } else if (width * height <= window ** 2) {
      window = Math.max(width, height);
    }
    const result = new ImageData(picture.width * this.scale, picture.height * this.scale);
    const run = (part) => this.#run(picture, mask, part, feeds);
    await blend(run, {width, height}, window, this.model.open ? multiple : 1, this.scale, this.made, result, report);
    return result;
  }

  async #resized(picture, mask, feeds, report) {
    const {width, height, scale} = this;
    const small = resize(picture, width, height), part = {left: 0, top: 0, width, height};
    const image = await this.#run(small, mask && nearest(mask, width, height), part, feeds);
    const made = toPixels(image, width * scale, height * scale, this.made);
    await report(1);
    const {data, ...sides} = resize(made, picture.width * scale, picture.height * scale);
    return new ImageData(data, sides.width, sides.height);
  }

  #run(picture, mask, part, feeds) {
    const images = toTensor(picture, part, this.channels);
    return this.model.run({...feeds, images, mask: mask && maskTensor(mask, part)}, part.height, part.width);
  }

  /** Gives the memory back. */
  delete() {
    this.model.delete();
    this.predict?.delete();
  }
}

/** Returns the mixture of two styles; `share` is that of the second. */
export function mixed(one, other, share) {
  return one.map((value, index) => (1 - share) * value + share * other[index]);
}

function lighten(made, given, strength) {
  for (let at = 0; at < made.length; ++at) made[at] = strength * made[at] + (1 - strength) * given[at];
}

/** Puts the picture where nothing is missing. */
function keepKnown(made, given, missing) {
  for (let pixel = 0; pixel < missing.length; ++pixel) {
    if (!missing[pixel]) made.set(given.subarray(4 * pixel, 4 * pixel + 3), 4 * pixel);
  }
}

function cover(made, alpha) {
  for (let pixel = 0; pixel < alpha.length; ++pixel) made[4 * pixel + 3] = alpha[pixel];
}

function nearest({data, width, height}, wide, high) {
  const made = new Uint8Array(wide * high);
  for (let y = 0, to = 0; y < high; ++y) {
    const row = width * Math.floor((y + 0.5) * height / high);
    for (let x = 0; x < wide; ++x) made[to++] = data[row + Math.floor((x + 0.5) * width / wide)];
  }
  return {data: made, width: wide, height: high};
}

function size({width, height}) {
  return {width, height};
}
