// Resizing as Pillow does it: antialiased, columns first, rounded to 8 bits in between.

/** Filters: half their width, and their weight at a distance. */
export const LANCZOS = {support: 3, weight: (x) => Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0};
export const BICUBIC = {
  support: 2,
  weight(x) {
    x = Math.abs(x);
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
  },
};

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** For each of `length` results: the first pixel that it is made of, and the weights from there on. */
function taps(start, stop, size, length, filter) {
  const scale = (stop - start) / length, stretch = Math.max(scale, 1), support = filter.support * stretch;
  return Array.from({length}, (_, index) => {
    const center = start + (index + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(size, Math.trunc(center + support + 0.5)) - first;
    const weights = Array.from({length: count}, (_, tap) => filter.weight((tap + first - center + 0.5) / stretch));
    const sum = weights.reduce((one, other) => one + other, 0);
    return {first, weights: weights.map((weight) => weight / sum)};
  });
}

/**
 * Resizes a picture, or a part of it.
 * @param {{data: Uint8ClampedArray, width: number, height: number}} picture
 * @param {number} width, height: wanted.
 * @param {object} filter LANCZOS or BICUBIC.
 * @param {{left: number, top: number, width: number, height: number}} box the part; fractions of pixels count.
 * @returns {{data: Uint8ClampedArray, width: number, height: number}}
 */
export function resize(picture, width, height, filter = LANCZOS, box = {left: 0, top: 0, ...sizeOf(picture)}) {
  const channels = picture.data.length / picture.width / picture.height;
  let made = picture;
  if (width !== picture.width || box.left || box.width !== picture.width) {
    const columns = taps(box.left, box.left + box.width, picture.width, width, filter);
    made = along(made, columns, channels, (index, line) => channels * (line * picture.width + index), width, made.height, 0);
  }
  if (height !== picture.height || box.top || box.height !== picture.height) {
    const rows = taps(box.top, box.top + box.height, picture.height, height, filter);
    made = along(made, rows, channels, (index, line) => channels * (index * width + line), width, height, 1);
  }
  return made;
}

function sizeOf({width, height}) {
  return {width, height};
}

/** Filters along one axis: 0 for rows' pixels, 1 for columns'. `at` is the place of a pixel of what is given. */
function along({data}, parts, channels, at, width, height, axis) {
  const made = new Uint8ClampedArray(width * height * channels);
  const lines = axis ? width : height;
  const step = at(1, 0);
  for (let index = 0; index < parts.length; ++index) {
    const {first, weights} = parts[index];
    for (let line = 0; line < lines; ++line) {
      const from = at(first, line), to = channels * (axis ? index * width + line : line * width + index);
      for (let channel = 0; channel < channels; ++channel) {
        let sum = 0;
        for (let tap = 0; tap < weights.length; ++tap) sum += weights[tap] * data[from + tap * step + channel];
        made[to + channel] = sum;
      }
    }
  }
  return {data: made, width, height};
}

/** Brings a picture to a size: what is too long of its middle is cut off (Pillow's ImageOps.fit). */
export function fit(picture, width, height) {
  const scale = Math.min(picture.width / width, picture.height / height);
  const box = {width: width * scale, height: height * scale};
  return resize(picture, width, height, LANCZOS,
      {left: (picture.width - box.width) / 2, top: (picture.height - box.height) / 2, ...box});
}
