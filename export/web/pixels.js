// Pixels of a canvas (RGBA, 0 to 255) to a model's image ([height, width, 1 or 3], 0 to 1) and back.

/** Returns the Float32Array of a canvas's pixels; one channel is the ITU-R 601 luma. */
export function toTensor({data, width, height}, channels) {
  const image = new Float32Array(width * height * channels);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    if (channels === 1) {
      image[to++] = (0.299 * data[from] + 0.587 * data[from + 1] + 0.114 * data[from + 2]) / 255;
    } else {
      image[to++] = data[from] / 255;
      image[to++] = data[from + 1] / 255;
      image[to++] = data[from + 2] / 255;
    }
  }
  return image;
}

/** Returns the ImageData of a model's image; values are rounded, those outside of 0 to 1 are clamped. */
export function toPixels(image, width, height, channels) {
  const pixels = new ImageData(width, height);
  const data = pixels.data; // a Uint8ClampedArray, which rounds and clamps
  for (let from = 0, to = 0; to < data.length; from += channels) {
    data[to++] = image[from] * 255;
    data[to++] = image[from + (channels > 1 ? 1 : 0)] * 255;
    data[to++] = image[from + (channels > 1 ? 2 : 0)] * 255;
    data[to++] = 255;
  }
  return pixels;
}

/** Returns the largest centred part of a picture that has the sides' ratio of width to height: {x, y, width, height}. */
export function cut(from, to) {
  const scale = Math.min(from.width / to.width, from.height / to.height);
  const width = to.width * scale, height = to.height * scale;
  return {x: (from.width - width) / 2, y: (from.height - height) / 2, width, height};
}
