// A video file through a filter, frame by frame: every frame keeps its time, and the sound is copied.

import {Picture} from './picture.js';

let library = null;

/** Loads Mediabunny, once there is a video. */
function media() {
  return library ??= import('./mediabunny.js');
}

export class Film {
  constructor(file, input) {
    this.file = file;
    this.input = input;
  }

  /** Opens a video file; `first` is its first frame as a Picture. */
  static async open(file) {
    const {ALL_FORMATS, BlobSource, Input, VideoSampleSink} = await media();
    const film = new Film(file, new Input({source: new BlobSource(file), formats: ALL_FORMATS}));
    try {
      const track = await film.input.getPrimaryVideoTrack();
      const sample = await new VideoSampleSink(track).getSample(await track.getFirstTimestamp());
      film.first = pictureOf(sample);
      sample.close();
    } catch {
      throw new Error(`${file.name} is not a video that this browser can decode; choose an MP4 or WebM file.`);
    }
    return film;
  }

  /**
   * Makes the film anew.
   * @param {(picture: Picture) => Promise<ImageData>} apply what happens to a frame.
   * @param {number} scale by which that makes it wider and higher.
   * @param {(fraction: number) => void} report
   * @param {AbortSignal} signal ends the work.
   * @returns {Promise<{blob: Blob, ending: string, left: string[]}>} `left`: the kinds of tracks that were left out.
   */
  async filter(apply, scale, report, signal) {
    const {BufferTarget, Conversion, getFirstEncodableVideoCodec, Mp4OutputFormat, Output, Quality, WebMOutputFormat} =
      await media();
    const canvas = new OffscreenCanvas(1, 1), context = canvas.getContext('2d');
    const process = async (sample) => {
      const made = await apply(pictureOf(sample));
      Object.assign(canvas, even(made));
      const right = canvas.width - made.width, below = canvas.height - made.height; // 0 or 1: copies of the borders
      for (const [x, y] of [[right, below], [right, 0], [0, below], [0, 0]]) context.putImageData(made, x, y);
      return canvas;
    };
    const {width, height} = even({width: this.first.width * scale, height: this.first.height * scale});
    const codec = await getFirstEncodableVideoCodec(['avc', 'vp9', 'vp8', 'av1'], {width, height});
    if (!codec) throw new Error(`This browser cannot write videos of ${width} x ${height} pixels; choose a smaller one.`);
    const format = codec === 'avc' ? new Mp4OutputFormat() : new WebMOutputFormat();
    const output = new Output({format, target: new BufferTarget()});
    const conversion = await Conversion.init({
      input: this.input,
      output,
      video: {
        codec, process, processedWidth: width, processedHeight: height, quality: new Quality('very-high'),
        forceTranscode: true, allowTransformationMetadata: false,
      },
    });
    conversion.onProgress = report;
    signal.addEventListener('abort', () => conversion.cancel());
    await conversion.execute();
    return {
      blob: new Blob([output.target.buffer], {type: format.mimeType}),
      ending: format.fileExtension,
      left: conversion.discardedTracks.map(({track}) => track.type),
    };
  }
}

/** Returns a frame of a film, upright, of square pixels. */
function pictureOf(sample) {
  const canvas = new OffscreenCanvas(sample.displayWidth, sample.displayHeight);
  sample.draw(canvas.getContext('2d'), 0, 0);
  return Picture.of(canvas, canvas.width, canvas.height);
}

/** The sides that video formats take. */
function even({width, height}) {
  return {width: width + width % 2, height: height + height % 2};
}
