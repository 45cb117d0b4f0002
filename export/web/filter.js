// A .tflite model that makes an image of an image, run by LiteRT.js.

import {loadAndCompile, loadLiteRt, Tensor} from '@litertjs/core';

import {toPixels, toTensor} from './pixels.js';

const WASM = new URL('litert/wasm/', import.meta.url).href;
let runtime = null;

/** Loads LiteRT.js once; with threads where the server's headers allow them. */
function load() {
  runtime ??= loadLiteRt(WASM, {threads: globalThis.crossOriginIsolated}).catch(
      (error) => globalThis.crossOriginIsolated ? loadLiteRt(WASM) : Promise.reject(error));
  return runtime;
}

/** Fetches a file as a Uint8Array; calls `report` with the fraction that has come. */
async function fetchBytes(url, size, report) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} cannot be loaded (HTTP ${answer.status})`);
  const parts = [];
  let length = 0;
  for (const reader = answer.body.getReader();;) {
    const {done, value} = await reader.read();
    if (done) break;
    parts.push(value);
    length += value.length;
    report(Math.min(1, length / size));
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

export class Filter {
  /**
   * Loads a model.
   * @param {{name: string, file: string, bytes: number}} described its entry in models.json.
   * @param {'wasm'|'webgpu'} accelerator
   * @param {(fraction: number) => void} report
   */
  static async load(described, accelerator, report) {
    const [bytes] = await Promise.all([fetchBytes(described.file, described.bytes, report), load()]);
    return new Filter(described, await loadAndCompile(bytes, {accelerator}));
  }

  constructor(described, model) {
    this.name = described.name;
    this.model = model;
    const inputs = Object.fromEntries(model.getInputDetails().map((one) => [one.name, Array.from(one.shape)]));
    [, this.height, this.width, this.channels] = this.imageShape = inputs.images;
    this.alphaShape = inputs.alpha ?? null;
    this.outputShape = Array.from(model.getOutputDetails()[0].shape);
  }

  /** Whether the strength can be chosen. */
  get hasStrength() {
    return this.alphaShape !== null;
  }

  /**
   * Runs the model on pixels of its size.
   * @param {ImageData} pixels
   * @param {number} strength 0 to 1, for models that take it.
   * @returns {Promise<ImageData>}
   */
  async run(pixels, strength) {
    const inputs = {images: new Tensor(toTensor(pixels, this.channels), this.imageShape)};
    if (this.hasStrength) inputs.alpha = new Tensor(new Float32Array([strength]), this.alphaShape);
    let outputs = {};
    try {
      outputs = await this.model.run(inputs);
      const [, height, width, channels] = this.outputShape;
      return toPixels(await Object.values(outputs)[0].data(), width, height, channels);
    } finally {
      for (const tensor of [...Object.values(inputs), ...Object.values(outputs)]) tensor.delete();
    }
  }

  /** Gives the memory back. */
  delete() {
    this.model.delete();
  }
}
