// Colour profiles (ICC) of curves and a matrix, or of grey: their colours become those of sRGB, as littleCMS has it.

// XYZ of sRGB's red, green and blue, in columns, as seen in D50 (the light of profiles); its inverse
const FROM_XYZ = inverse([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.7141]]);
const MOST_BYTES = 2 ** 22; // larger ones are left out, as by keras_gans/data/profiles.py
const STEPS = 65535; // of linear light, in the table of sRGB's curve: fine enough for its steep start
const NODES = 32; // between which littleCMS draws lines, of grey
let encoded = null;

/**
 * Reads a profile.
 * @param {Uint8Array} profile
 * @param {number} channels of the picture: 1 (grey), 3 or 4 (CMYK).
 * @returns {(data: Uint8ClampedArray) => void} turns RGBA, in place; does nothing where the profile is damaged or of another
 *   space than the picture, and where it changes no colour by more than a level. Null where it has tables, or a black or
 *   white of its own.
 */
export function conversion(profile, channels) {
  try {
    if (profile.length > MOST_BYTES) return asItIs;
    const read = new Profile(profile);
    return read.space === {1: 'GRAY', 3: 'RGB ', 4: 'CMYK'}[channels] || read.space === 'RGB ' && channels === 1 ?
      read.conversion() : asItIs;
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof Damage)) throw error;
    return asItIs;
  }
}

class Damage extends Error {}

function asItIs() {}

class Profile {
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.text(36) !== 'acsp') throw new Damage();
    this.space = this.text(16);
    this.tags = {};
    for (let tag = 0; tag < this.view.getUint32(128); ++tag) {
      this.tags[this.text(132 + 12 * tag)] = this.view.getUint32(136 + 12 * tag);
    }
  }

  text(at) {
    return String.fromCharCode(...this.bytes.subarray(at, at + 4));
  }

  conversion() {
    if (this.tags.A2B0 || this.tags.D2B0 || this.space === 'CMYK' || this.text(20) !== 'XYZ ') return null;
    const apply = this.space === 'GRAY' ? this.grey() : this.colors();
    if (difference(ENDS, apply) > 1) return null;
    return difference(GRID, apply) > 1 ? apply : asItIs;
  }

  grey() {
    const curve = this.curve('kTRC');
    const nodes = Float64Array.from({length: NODES + 1}, (_, node) => encode(curve(node / NODES)));
    const levels = Uint8ClampedArray.from({length: 256}, (_, level) => between(nodes, level / 255 * NODES));
    return (data) => {
      for (let at = 0; at < data.length; at += 4) data.fill(levels[data[at]], at, at + 3);
    };
  }

  colors() {
    const curves = ['rTRC', 'gTRC', 'bTRC'].map((name) => {
      const curve = this.curve(name);
      return Float64Array.from({length: 256}, (_, level) => curve(level / 255));
    });
    const columns = ['rXYZ', 'gXYZ', 'bXYZ'].map((name) => this.fixed(this.tag(name) + 8, 3));
    const matrix = FROM_XYZ.map((row) =>
      columns.map((column) => row.reduce((sum, value, place) => sum + value * column[place], 0)));
    return (data) => turn(data, curves, matrix);
  }

  tag(name) {
    if (!this.tags[name]) throw new Damage();
    return this.tags[name];
  }

  /** Reads numbers of 16 bits before and 16 behind the point. */
  fixed(at, count) {
    return Array.from({length: count}, (_, index) => this.view.getInt32(at + 4 * index) / 65536);
  }

  /** Returns a curve, a function from [0, 1] to [0, 1]. */
  curve(name) {
    const at = this.tag(name), kind = this.text(at);
    if (kind !== 'para' && kind !== 'curv') throw new Damage();
    const made = kind === 'para' ? this.formula(at) : this.table(at);
    return (level) => Math.min(Math.max(made(level), 0), 1);
  }

  /** A `curv`: nothing (as it is), one number (a power), or values at even distances. */
  table(at) {
    const count = this.view.getUint32(at + 8);
    if (count > (this.bytes.length - at - 12) / 2) throw new Damage();
    const values = Float64Array.from({length: count}, (_, index) => this.view.getUint16(at + 12 + 2 * index));
    if (count === 0) return (level) => level;
    if (count === 1) return (level) => level ** (values[0] / 256);
    return (level) => between(values, level * (count - 1)) / 65535;
  }

  /** A `para`: of five kinds, which are the last one with some of its numbers fixed. */
  formula(at) {
    const kind = this.view.getUint16(at + 8);
    if (kind > 4) throw new Damage();
    const [g, a = 1, b = 0, c = 0, d = 0, e = 0, f = 0] = this.fixed(at + 12, [1, 3, 4, 5, 7][kind]);
    const [start, slope, low, high] = [
      [-Infinity, 0, 0, 0], [-b / a, 0, 0, 0], [-b / a, 0, c, c], [d, c, 0, 0], [d, c, f, e],
    ][kind];
    return (level) => level >= start ? Math.max(a * level + b, 0) ** g + high : slope * level + low;
  }
}

/** Returns a value at a place between those of a list. */
function between(values, place) {
  const below = Math.min(Math.floor(place), values.length - 2), part = place - below;
  return (1 - part) * values[below] + part * values[below + 1];
}

/** Returns sRGB's level, 0 to 255, of linear light. */
function encode(linear) {
  return 255 * (linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055);
}

/** Turns RGBA in place: through the curves and the matrix, and into sRGB's curve. */
function turn(data, [reds, greens, blues], [red, green, blue]) {
  encoded ??= Uint8ClampedArray.from({length: STEPS + 1}, (_, step) => encode(step / STEPS));
  const level = (row, r, g, b) =>
    encoded[Math.round(STEPS * Math.min(Math.max(row[0] * r + row[1] * g + row[2] * b, 0), 1))];
  for (let at = 0; at < data.length; at += 4) {
    const r = reds[data[at]], g = greens[data[at + 1]], b = blues[data[at + 2]];
    data[at] = level(red, r, g, b);
    data[at + 1] = level(green, r, g, b);
    data[at + 2] = level(blue, r, g, b);
  }
}

const ENDS = Uint8ClampedArray.of(0, 0, 0, 255, 255, 255, 255, 255);
const GRID = Uint8ClampedArray.from({length: 4 * 18 ** 3}, (_, at) => 15 * (Math.floor((at >> 2) / 18 ** (at & 3)) % 18));

/** Returns by how many levels colours change at most. */
function difference(colors, apply) {
  const made = colors.slice();
  apply(made);
  return made.reduce((most, value, at) => Math.max(most, Math.abs(value - colors[at])), 0);
}

function inverse([[a, b, c], [d, e, f], [g, h, i]]) {
  const rows = [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ];
  const size = a * rows[0][0] + b * rows[1][0] + c * rows[2][0];
  return rows.map((row) => row.map((value) => value / size));
}
