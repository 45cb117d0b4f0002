// The camera, and what it is doing in words.

export class Camera {
  /**
   * @param {HTMLVideoElement} video
   * @param {(text: string) => void} say
   * @param {(on: boolean) => void} changed
   */
  constructor(video, say, changed) {
    Object.assign(this, {video, say, changed, stream: null});
  }

  get on() {
    return this.stream !== null;
  }

  async start() {
    this.say('The camera is being started; the browser may ask whether it may be used ...');
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: 'environment'}});
    } catch (error) {
      throw new Error(`There is no camera that this page may use (${REASONS[error.name] ?? error.message}); choose a picture instead.`);
    }
    const [track] = this.stream.getVideoTracks();
    track.addEventListener('ended', () => this.#end('The camera has gone: it was unplugged, or another program took it.'));
    track.addEventListener('mute', () => this.say('The camera gives no pictures at the moment.'));
    track.addEventListener('unmute', () => this.#tell());
    this.video.srcObject = this.stream;
    await this.video.play();
    this.changed(true);
    this.#tell();
  }

  stop() {
    if (this.on) this.#end('The camera is off.');
  }

  #tell() {
    this.say(`The camera is on: ${this.video.videoWidth} x ${this.video.videoHeight} pixels.`);
  }

  #end(text) {
    this.stream.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
    this.changed(false);
    this.say(text);
  }
}

const REASONS = {
  NotAllowedError: 'it was not allowed',
  NotFoundError: 'none is connected',
  NotReadableError: 'another program uses it',
  TypeError: 'cameras need https:// or localhost',
};
