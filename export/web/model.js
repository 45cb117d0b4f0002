// A .tflite model run by LiteRT.js.

import {loadAndCompile, loadLiteRt, Tensor} from '@litertjs/core';

import {setSides} from './shapes.js';

// LiteRT.js starts as many threads as there are processors and waits for ever for more, and those of a deleted model come
// back only after a while: half of them for a model leaves enough for the next one.
const THREADS = Math.max(1, Math.floor(navigator.hardwareConcurrency / 2)), COME_BACK = 50; // milliseconds
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
  const answer = await fetch(url).catch(() => null);
  if (!answer) throw new Error(`${decodeURI(url)} cannot be loaded: there is no network, and it was not kept from before.`);
  if (!answer.ok) throw new Error(`${decodeURI(url)} cannot be loaded (HTTP ${answer.status})`);
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

export class Model {
  /**
   * Loads a model.
   * @param {{file: string, bytes: number, inputs: object, outputs: object, scale: number}} described in models.json.
   * @param {'wasm'|'webgpu'} accelerator
   * @param {(fraction: number) => void} report
   * @param {number} numThreads of the CPU.
   */
  static async load(described, accelerator, report, numThreads = THREADS) {
    const [bytes] = await Promise.all([fetchBytes(described.file, described.bytes, report), load()]);
    const model = new Model(described, {accelerator, cpuOptions: {numThreads}}, bytes);
    if (!model.open) await model.at(0, 0);
    return model;
  }

  constructor(described, options, bytes) {
    this.inputs = described.inputs;
    this.outputs = described.outputs;
    this.open = this.inputs.images[1] < 0; // takes pictures of any size
    this.scale = described.scale;
    this.options = options;
    this.bytes = bytes;
    this.size = null; // of the compiled model
    this.compiled = null;
  }

  /** Compiles the model for pictures of a size; `height` and `width` count where it is open. */
  async at(height, width) {
    const size = `${width}x${height}`;
    if (this.compiled && (!this.open || this.size === size)) return this.compiled;
    this.delete();
    await new Promise((resolve) => setTimeout(resolve, COME_BACK));
    const bytes = this.bytes.slice();
    if (this.open) setSides(bytes, height, width, this.scale);
    const compiled = await loadAndCompile(bytes, this.options);
    this.size = size;
    return this.compiled = compiled;
  }

  /**
   * Runs the model.
   * @param {object} feeds Float32Array by the name of an input.
   * @param {number} height, width: of the picture, where the model is open.
   * @returns {Promise<Float32Array>} its one output.
   */
  async run(feeds, height = 0, width = 0) {
    const compiled = await this.at(height, width);
    const inputs = {};
    let outputs = {};
    try {
      for (const [name, shape] of Object.entries(this.inputs)) {
        const sides = shape.map((side, axis) => side > 0 ? side : axis === 1 ? height : width);
        inputs[name] = new Tensor(feeds[name], sides);
      }
      outputs = await compiled.run(inputs);
      return (await Object.values(outputs)[0].data()).slice();
    } finally {
      for (const tensor of [...Object.values(inputs), ...Object.values(outputs)]) tensor.delete();
    }
  }

  /** Gives the memory back. */
  delete() {
    this.compiled?.delete();
    this.compiled = null;
  }
}
