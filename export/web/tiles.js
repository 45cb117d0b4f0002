// A large picture in tiles that overlap by a quarter and fade into one another, as `keras-gans filter` takes them.

import {fill} from './pixels.js';

/** Returns the starts of windows that cover an axis, at multiples, and overlap by `overlap` or more. */
export function starts(length, window, overlap, multiple) {
  if (length <= window) return [0];
  const step = Math.max(1, Math.floor((window - overlap) / multiple)) * multiple;
  const made = [];
  for (let start = 0; start < length - window; start += step) made.push(start);
  return [...made, length - window];
}

/** Returns the weights of each window's pixels: linear where windows overlap, everywhere of sum one. */
export function ramps(begins, window, scale) {
  const total = new Float64Array((begins.at(-1) + window) * scale);
  const made = begins.map((start, index) => {
    const ramp = new Float64Array(window * scale).fill(1);
    if (index) {
      const shared = (begins[index - 1] + window - start) * scale;
      for (let at = 0; at < shared; ++at) ramp[at] = (at + 0.5) / shared;
    }
    if (index + 1 < begins.length) {
      const shared = (start + window - begins[index + 1]) * scale;
      for (let at = 0; at < shared; ++at) {
        const place = ramp.length - 1 - at;
        ramp[place] = Math.min(ramp[place], (at + 0.5) / shared);
      }
    }
    ramp.forEach((weight, at) => total[start * scale + at] += weight);
    return ramp;
  });
  return made.map((ramp, index) => Float32Array.from(ramp, (weight, at) => weight / total[begins[index] * scale + at]));
}

/**
 * Takes a picture through a function in tiles.
 * @param {(part: {left, top, width, height}) => Promise<Float32Array>} run gives [height * scale, width * scale, channels].
 * @param {{width: number, height: number}} whole what the tiles cover.
 * @param {number} window side of a tile; one of a smaller picture is as wide or high as that.
 * @param {number} multiple at which windows start.
 * @param {number} scale, channels: of the result.
 * @param {ImageData} result is filled; what goes beyond it is cut off.
 * @param {(fraction: number) => Promise<void>} report called after each tile.
 */
export async function blend(run, whole, window, multiple, scale, channels, result, report) {
  const width = Math.min(window, whole.width), height = Math.min(window, whole.height);
  const lefts = starts(whole.width, width, Math.floor(width / 4), multiple);
  const tops = starts(whole.height, height, Math.floor(height / 4), multiple);
  const across = ramps(lefts, width, scale), down = ramps(tops, height, scale);
  const row = whole.width * scale * channels;
  const band = new Float32Array(row * height * scale); // the rows of the tiles that are being added
  let done = 0;
  for (const [index, top] of tops.entries()) {
    for (const [number, left] of lefts.entries()) {
      add(await run({left, top, width, height}), down[index], across[number], channels, band, left * scale * channels, row);
      await report(++done / tops.length / lefts.length);
    }
    const ready = ((tops[index + 1] ?? top + height) - top) * scale; // rows to which no tile adds any more
    const rows = Math.min(ready, result.height - top * scale);
    for (let y = 0; y < rows; ++y) {
      fill(result, (top * scale + y) * result.width, band, y * row / channels, result.width, channels);
    }
    band.copyWithin(0, ready * row);
    band.fill(0, band.length - ready * row);
  }
}

function add(tile, down, across, channels, band, left, row) {
  let from = 0;
  for (let y = 0; y < down.length; ++y) {
    let to = y * row + left;
    for (let x = 0; x < across.length; ++x) {
      const weight = down[y] * across[x];
      for (let channel = 0; channel < channels; ++channel) band[to++] += weight * tile[from++];
    }
  }
}
