// Picture files, decoded by the browser: upright, in sRGB; over white, and with their alpha (docs/pictures.md).

import {look} from './contents.js';
import {conversion} from './profiles.js';

export const MOST_PIXELS = 50e6;
// A WebP of two pixels that is to be turned by a quarter: whether the browser does it by itself shows.
const TURNED = 'UklGRloAAABXRUJQVlA4WAoAAAAIAAAAAQAAAAAAVlA4TA4AAAAvAQAAAAcQEf0PRET/A0VYSUYmAAAASUkqAAgAAAACAAABAwABAAAABwAAABIBAwABAAAABgAAAAAAAAA=';
// A pixel of level 64, as linear light: whether the browser leaves colours as they are when it is asked to.
const LINEAR = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAAYWlDQ1BJQ0MgUHJvZmlsZQAAeJxjYGA4wAAETA4MDLl5JUXuQY6REZFRCgxIIDG5uIABL/h2jYERRF/Wxa8OK2AqLykoAdJzgFgkOyTIGUhvAGIBhDsQ5ieXFpVB9TGChABIRhPlNFQHLQAAAApJREFUeNpjcAAAAEIAQYS/jmIAAAAASUVORK5CYII=';
let turnsWebp = null, leavesColors = null;

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
    const {turn, profile, channels} = await look(new Uint8Array(await file.arrayBuffer()));
    const toSrgb = profile && conversion(profile, channels), ours = profile && await browserLeavesColors();
    let opened;
    try {
      opened = await createImageBitmap(file, {premultiplyAlpha: 'none', colorSpaceConversion: ours ? 'none' : 'default'});
    } catch {
      throw new Error(`${name} is not a picture that this browser can read; choose a PNG, JPEG or WebP file.`);
    }
    try {
      if (opened.width * opened.height > MOST_PIXELS) {
        throw new Error(`${name} has more than ${MOST_PIXELS / 1e6} million pixels; choose a smaller picture.`);
      }
      if (toSrgb === null) {
        throw new Error(`${name}: its colour profile is not taken, since it is no matrix profile; convert the picture to sRGB.`);
      }
      const turned = turn > 1 && !await browserTurns() ? upright(opened, turn) : opened;
      return Picture.of(turned, turned.width, turned.height, file.type !== 'image/jpeg', ours ? toSrgb : undefined);
    } finally {
      opened.close();
    }
  }

  /** Takes what a canvas can draw: an ImageBitmap, a video, a frame of one; `toSrgb` turns its colours, RGBA, in place. */
  static of(source, width, height, mayHaveAlpha = false, toSrgb = () => {}) {
    const context = contextOf(width, height, mayHaveAlpha);
    if (!mayHaveAlpha) {
      context.fillStyle = 'white';
      context.fillRect(0, 0, width, height);
    }
    context.drawImage(source, 0, 0, width, height);
    const own = context.getImageData(0, 0, width, height);
    toSrgb(own.data);
    const alpha = mayHaveAlpha ? alphaOf(own.data) : null;
    return alpha ? new Picture(overWhite(own), own, alpha) : new Picture(own);
  }
}

/** A canvas holds colours multiplied by alpha: 16 bits keep their levels (where a browser knows these). */
function contextOf(width, height, mayHaveAlpha) {
  const options = {willReadFrequently: true, colorType: mayHaveAlpha ? 'float16' : 'unorm8'};
  return new OffscreenCanvas(width, height).getContext('2d', options);
}

function overWhite({data, width, height}) {
  const made = new ImageData(width, height);
  for (let at = 0; at < data.length; ++at) {
    const alpha = data[at | 3] / 255;
    made.data[at] = (at & 3) === 3 ? 255 : data[at] * alpha + 255 * (1 - alpha);
  }
  return made;
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
  return turnsWebp ??= createImageBitmap(fromText(TURNED)).then(({width, height}) => width < height);
}

function browserLeavesColors() {
  return leavesColors ??= createImageBitmap(fromText(LINEAR), {colorSpaceConversion: 'none'})
      .then((pixel) => Picture.of(pixel, 1, 1).shown.data[0] === 64);
}

function fromText(base64) {
  return new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))]);
}

/** Turns a picture by its EXIF orientation, 2 to 8. */
function upright(picture, turn) {
  const {width, height} = picture, across = turn >= 5;
  const context = contextOf(across ? height : width, across ? width : height, true);
  context.setTransform(...{
    2: [-1, 0, 0, 1, width, 0], 3: [-1, 0, 0, -1, width, height], 4: [1, 0, 0, -1, 0, height], 5: [0, 1, 1, 0, 0, 0],
    6: [0, 1, -1, 0, height, 0], 7: [0, -1, -1, 0, height, width], 8: [0, -1, 1, 0, 0, width],
  }[turn]);
  context.drawImage(picture, 0, 0);
  return context.canvas;
}
