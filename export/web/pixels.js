// Pixels of a picture (RGBA, 0 to 255) to a model's values (0 to 1) and back.

/** Returns the place in a row of `length` pixels that stands at `place`: beyond its end the row is reflected. */
export function mirrored(place, length) {
  if (length === 1) return 0;
  const within = place % (2 * length - 2);
  return within < length ? within : 2 * length - 2 - within;
}

/**
 * Takes a part of a picture; what lies beyond the right and lower borders is its reflection.
 * @param {{data: Uint8ClampedArray, width: number, height: number}} picture
 * @param {{left: number, top: number, width: number, height: number}} part
 * @param {number} channels 3, or 1 of a grey picture.
 * @returns {Float32Array} [height, width, channels].
 */
export function toTensor({data, width, height}, part, channels) {
  const image = new Float32Array(part.width * part.height * channels);
  const columns = Int32Array.from({length: part.width}, (_, x) => 4 * mirrored(part.left + x, width));
  let to = 0;
  for (let y = 0; y < part.height; ++y) {
    const row = 4 * width * mirrored(part.top + y, height);
    for (const column of columns) {
      const from = row + column;
      for (let channel = 0; channel < channels; ++channel) image[to++] = data[from + channel] / 255;
    }
  }
  return image;
}

/** Returns a picture in the grey levels of Pillow's "L". */
export function grey({data, width, height}) {
  const made = new ImageData(width, height);
  for (let at = 0; at < data.length; at += 4) {
    made.data.fill((data[at] * 19595 + data[at + 1] * 38470 + data[at + 2] * 7471 + 0x8000) >> 16, at, at + 3);
    made.data[at + 3] = 255;
  }
  return made;
}

/** Takes a part of a mask {data: Uint8Array of 0 and 1, width, height}, as `toTensor` does: Float32Array [height, width]. */
export function maskTensor({data, width, height}, part) {
  const mask = new Float32Array(part.width * part.height);
  for (let y = 0, to = 0; y < part.height; ++y) {
    const row = width * mirrored(part.top + y, height);
    for (let x = 0; x < part.width; ++x) mask[to++] = data[row + mirrored(part.left + x, width)];
  }
  return mask;
}

/** Returns the ImageData of a model's image; values are rounded, those outside of 0 to 1 are clamped. */
export function toPixels(image, width, height, channels) {
  const pixels = new ImageData(width, height);
  fill(pixels, 0, image, 0, width * height, channels);
  return pixels;
}

/** Writes `count` of a model's pixels, from number `from` on, into an ImageData, from pixel `to` on. */
export function fill({data}, to, image, from, count, channels) {
  const [green, blue] = channels > 1 ? [1, 2] : [0, 0];
  for (let place = 4 * to, at = from * channels; place < 4 * (to + count); at += channels) {
    data[place++] = image[at] * 255; // a Uint8ClampedArray rounds and clamps
    data[place++] = image[at + green] * 255;
    data[place++] = image[at + blue] * 255;
    data[place++] = 255;
  }
}
