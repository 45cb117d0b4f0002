// What a picture file says of itself: its colour profile, and how a WebP is to be turned. Browsers do most of the decoding
// right; the rest is done by the page, as docs/pictures.md has it.

const TURN = 0x0112; // the EXIF tag of the orientation

/**
 * Looks into a file.
 * @param {Uint8Array} bytes
 * @returns {Promise<{turn: number, profile: Uint8Array, channels: number}>} the EXIF orientation of a WebP, else 1; the colour
 *   profile, undefined where there is none; and 1 of a grey picture, 3, or 4 of CMYK.
 */
export async function look(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (view.getUint32(0) === 0x89504e47) return {turn: 1, ...await lookIntoPng(bytes, view)};
    if (view.getUint16(0) === 0xffd8) return {turn: 1, ...lookIntoJpeg(bytes, view)};
    if (text(bytes, 0, 4) === 'RIFF' && text(bytes, 8, 4) === 'WEBP') {
      const parts = webpParts(bytes, view);
      return {turn: orientation(parts.EXIF), profile: parts.ICCP, channels: 3};
    }
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error; // it is damaged: the browser decides
  }
  return {turn: 1, channels: 3};
}

function text(bytes, start, length) {
  return String.fromCharCode(...bytes.subarray(start, start + length));
}

async function lookIntoPng(bytes, view) {
  const channels = bytes[25] % 4 ? 3 : 1; // of the kinds of colours, 0 and 4 are grey
  for (let at = 8; text(bytes, at + 4, 4) !== 'IDAT'; at += 12 + view.getUint32(at)) {
    if (text(bytes, at + 4, 4) !== 'iCCP') continue;
    const chunk = bytes.subarray(at + 8, at + 8 + view.getUint32(at));
    const packed = new Blob([chunk.subarray(chunk.indexOf(0) + 2)]).stream().pipeThrough(new DecompressionStream('deflate'));
    return {profile: new Uint8Array(await new Response(packed).arrayBuffer()), channels};
  }
  return {channels};
}

function lookIntoJpeg(bytes, view) {
  const pieces = [];
  let channels = 3;
  for (let at = 2; view.getUint8(at) === 0xff && view.getUint8(at + 1) !== 0xda; at += 2 + view.getUint16(at + 2)) {
    const mark = view.getUint8(at + 1);
    if (mark >= 0xc0 && mark <= 0xc2) channels = view.getUint8(at + 9); // the frame's header
    if (mark !== 0xe2 || text(bytes, at + 4, 11) !== 'ICC_PROFILE') continue;
    pieces[view.getUint8(at + 16)] = bytes.subarray(at + 18, at + 2 + view.getUint16(at + 2));
  }
  return {profile: pieces.length ? Uint8Array.from(pieces.flatMap((piece) => [...piece])) : undefined, channels};
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
