// Picture files, decoded by the browser: upright, in sRGB; over white, and with their alpha (docs/pictures.md).

import {look} from './contents.js';

export const MOST_PIXELS = 50e6;
// A WebP of two pixels that is to be turned by a quarter: whether the browser does it by itself shows.
const TURNED = 'UklGRloAAABXRUJQVlA4WAoAAAAIAAAAAQAAAAAAVlA4TA4AAAAvAQAAAAcQEf0PRET/A0VYSUYmAAAASUkqAAgAAAACAAABAwABAAAABwAAABIBAwABAAAABgAAAAAAAAA=';
let turnsWebp = null;

export class Picture {
  /**
   * @param {ImageData} shown what is to be seen over white.
   * @param {ImageData} own its own colours, white where nothing is to be seen; `shown` where it has no alpha.
   * @param {Uint8Array} alpha 0 where nothing is to be seen; null where it has none.
   */
  constructor(shown, own = shown, alpha = null) {
    Object.assign(this, {shown, own, alpha, width: shown.width, height: shown.height});
  }

  /**
   * Decodes a file.
   * @param {Blob} file
   * @param {string} name for errors.
   */
  static async open(file, name) {
    const {turn, taken} = await look(new Uint8Array(await file.arrayBuffer()));
    let opened;
    try {
      opened = await createImageBitmap(file);
    } catch {
      throw new Error(`${name} is not a picture that this browser can read; choose a PNG, JPEG or WebP file.`);
    }
    try {
      if (opened.width * opened.height > MOST_PIXELS) {
        throw new Error(`${name} has more than ${MOST_PIXELS / 1e6} million pixels; choose a smaller picture.`);
      }
      if (!taken) {
        throw new Error(`${name}: its colour profile is not taken, since it is no matrix profile; convert the picture to sRGB.`);
      }
      const turned = turn > 1 && !await browserTurns() ? upright(opened, turn) : opened;
      return Picture.of(turned, turned.width, turned.height, file.type !== 'image/jpeg');
    } finally {
      opened.close();
    }
  }

  /** Takes what a canvas can draw: an ImageBitmap, a video, a frame of one. */
  static of(source, width, height, mayHaveAlpha = false) {
    const canvas = new OffscreenCanvas(width, height), context = canvas.getContext('2d', {willReadFrequently: true});
    const draw = () => {
      context.drawImage(source, 0, 0, width, height);
      return context.getImageData(0, 0, width, height);
    };
    let own = null, alpha = null;
    if (mayHaveAlpha) {
      own = draw();
      alpha = alphaOf(own.data);
      context.clearRect(0, 0, width, height);
    }
    context.fillStyle = 'white';
    context.fillRect(0, 0, width, height);
    return alpha ? new Picture(draw(), own, alpha) : new Picture(draw());
  }
}

/** Returns the alpha of RGBA pixels, or null where all are opaque; whites what cannot be seen. */
function alphaOf(data) {
  const alpha = new Uint8Array(data.length / 4);
  let opaque = true;
  for (let pixel = 0; pixel < alpha.length; ++pixel) {
    alpha[pixel] = data[4 * pixel + 3];
    opaque &&= alpha[pixel] === 255;
    if (!alpha[pixel]) data.fill(255, 4 * pixel, 4 * pixel + 3);
  }
  return opaque ? null : alpha;
}

function browserTurns() {
  return turnsWebp ??= createImageBitmap(new Blob([Uint8Array.from(atob(TURNED), (letter) => letter.charCodeAt(0))]))
      .then(({width, height}) => width < height);
}

/** Turns a picture by its EXIF orientation, 2 to 8. */
function upright(picture, turn) {
  const {width, height} = picture, across = turn >= 5;
  const canvas = new OffscreenCanvas(across ? height : width, across ? width : height), context = canvas.getContext('2d');
  context.setTransform(...{
    2: [-1, 0, 0, 1, width, 0], 3: [-1, 0, 0, -1, width, height], 4: [1, 0, 0, -1, 0, height], 5: [0, 1, 1, 0, 0, 0],
    6: [0, 1, -1, 0, height, 0], 7: [0, -1, -1, 0, height, width], 8: [0, -1, 1, 0, 0, width],
  }[turn]);
  context.drawImage(picture, 0, 0);
  return canvas;
}
