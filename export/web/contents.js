// What a picture file says of itself: its colour profile, and how a WebP is to be turned. Browsers do most of the decoding
// right; what they make otherwise than docs/pictures.md has it is refused or put right here.

const TURN = 0x0112; // the EXIF tag of the orientation

/**
 * Looks into a file.
 * @param {Uint8Array} bytes
 * @returns {Promise<{turn: number, taken: boolean}>} the EXIF orientation of a WebP, else 1; and whether the colour
 *   profile, if there is one, is of a kind that browsers apply as littleCMS does.
 */
export async function look(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (view.getUint32(0) === 0x89504e47) return {turn: 1, taken: isTaken(await pngProfile(bytes, view))};
    if (view.getUint16(0) === 0xffd8) return {turn: 1, taken: isTaken(jpegProfile(bytes, view))};
    if (text(bytes, 0, 4) === 'RIFF' && text(bytes, 8, 4) === 'WEBP') {
      const parts = webpParts(bytes, view);
      return {turn: orientation(parts.EXIF), taken: isTaken(parts.ICCP)};
    }
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error; // it is damaged: the browser decides
  }
  return {turn: 1, taken: true};
}

function text(bytes, start, length) {
  return String.fromCharCode(...bytes.subarray(start, start + length));
}

async function pngProfile(bytes, view) {
  for (let at = 8; text(bytes, at + 4, 4) !== 'IDAT'; at += 12 + view.getUint32(at)) {
    if (text(bytes, at + 4, 4) !== 'iCCP') continue;
    const chunk = bytes.subarray(at + 8, at + 8 + view.getUint32(at));
    const packed = new Blob([chunk.subarray(chunk.indexOf(0) + 2)]).stream().pipeThrough(new DecompressionStream('deflate'));
    return new Uint8Array(await new Response(packed).arrayBuffer());
  }
}

function jpegProfile(bytes, view) {
  const pieces = [];
  for (let at = 2; view.getUint8(at) === 0xff && view.getUint8(at + 1) !== 0xda; at += 2 + view.getUint16(at + 2)) {
    if (view.getUint8(at + 1) !== 0xe2 || text(bytes, at + 4, 11) !== 'ICC_PROFILE') continue;
    pieces[view.getUint8(at + 16)] = bytes.subarray(at + 18, at + 2 + view.getUint16(at + 2));
  }
  return pieces.length ? Uint8Array.from(pieces.flatMap((piece) => [...piece])) : undefined;
}

function webpParts(bytes, view) {
  const parts = {};
  for (let at = 12; at + 8 <= bytes.length;) {
    const length = view.getUint32(at + 4, true);
    parts[text(bytes, at, 4)] = bytes.subarray(at + 8, at + 8 + length);
    at += 8 + length + length % 2;
  }
  return parts;
}

/** Returns the orientation, 1 to 8, of EXIF data. */
function orientation(exif) {
  if (!exif) return 1;
  const start = text(exif, 0, 4) === 'Exif' ? 6 : 0;
  const view = new DataView(exif.buffer, exif.byteOffset + start, exif.byteLength - start);
  const little = view.getUint16(0) === 0x4949;
  const list = view.getUint32(4, little);
  for (let entry = 0; entry < view.getUint16(list, little); ++entry) {
    const at = list + 2 + 12 * entry, value = view.getUint16(at + 8, little);
    if (view.getUint16(at, little) === TURN) return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

/** Whether a profile has no tables, and its curves lead from black to white; damaged ones are left out by the browser. */
function isTaken(profile) {
  if (!profile || text(profile, 36, 4) !== 'acsp') return true;
  const view = new DataView(profile.buffer, profile.byteOffset, profile.byteLength), tags = {};
  for (let tag = 0; tag < view.getUint32(128); ++tag) {
    tags[text(profile, 132 + 12 * tag, 4)] = view.getUint32(136 + 12 * tag);
  }
  const curves = ['rTRC', 'gTRC', 'bTRC', 'kTRC'].filter((name) => tags[name]);
  return !tags.A2B0 && !tags.D2B0 && curves.every((name) => startsBlack(profile, view, tags[name]));
}

/** Whether a curve makes 0 of 0 (within a quarter of a level) and 1 of 1. */
function startsBlack(profile, view, at) {
  const near = (value, wanted) => Math.abs(value - wanted) < 1e-3;
  const count = view.getUint32(at + 8);
  if (text(profile, at, 4) !== 'para') {
    return count < 2 || (near(view.getUint16(at + 12) / 65535, 0) && near(view.getUint16(at + 10 + 2 * count) / 65535, 1));
  }
  const kind = view.getUint16(at + 8);
  const [g, a = 1, b = 0, c = 0, d = 0, e = 0, f = 0] =
    Array.from({length: [1, 3, 4, 5, 7][kind]}, (_, index) => view.getInt32(at + 12 + 4 * index) / 65536);
  const [start, low, high] = [[-Infinity, 0, 0], [-b / a, 0, 0], [-b / a, c, c], [d, 0, 0], [d, f, e]][kind];
  const black = 0 >= start ? Math.max(b, 0) ** g + high : low;
  return near(black, 0) && near((a + b) ** g + high, 1);
}
