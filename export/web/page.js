// The page: which filter, which picture, and what is shown.

import {Filter} from './filter.js';
import {cut} from './pixels.js';

const MOST_PIXELS = 50e6; // of a picture file
const element = Object.fromEntries([...document.querySelectorAll('[id]')].map((one) => [one.id, one]));
const before = element.before.getContext('2d', {willReadFrequently: true});
const after = element.after.getContext('2d');

let models = [];
let filter = null;
let picture = null; // an ImageBitmap, or the video element
let stream = null; // of the camera
let running = false;
let again = false;
let loads = 0;

function say(text, isError = false) {
  element.status.setAttribute('role', isError ? 'alert' : 'status');
  element.status.textContent = text.replace(/\s+/g, ' ');
}

/** Runs an action; what it throws becomes one line. */
async function attempt(action) {
  try {
    await action();
  } catch (error) {
    element.progress.hidden = true;
    say(error?.message ?? String(error), true);
  }
}

async function chooseFilter() {
  const described = models[element.filter.selectedIndex];
  const turn = ++loads;
  filter?.delete();
  filter = null;
  element.progress.hidden = false;
  element.download.disabled = true;
  say(`Loading ${described.name} ...`);
  const loaded = await Filter.load(described, element.accelerator.value, (fraction) => {
    element.progress.value = fraction;
  });
  if (turn !== loads) return loaded.delete(); // another one was chosen meanwhile
  filter = loaded;
  element.progress.hidden = true;
  element['strength-label'].hidden = !filter.hasStrength;
  say(`${filter.name}: takes ${filter.width} x ${filter.height} pixels; pictures are cut to this shape.`);
  await render();
}

/** Draws the picture, runs the filter on it, and draws what comes out. */
async function render() {
  again = running;
  if (running || !filter || !picture) return;
  running = true;
  try {
    const used = filter;
    const {width, height} = used;
    const size = {width: picture.videoWidth ?? picture.width, height: picture.videoHeight ?? picture.height};
    const part = cut(size, used);
    Object.assign(element.before, {width, height});
    before.imageSmoothingQuality = 'high';
    before.fillStyle = 'white'; // under what is transparent
    before.fillRect(0, 0, width, height);
    before.drawImage(picture, part.x, part.y, part.width, part.height, 0, 0, width, height);
    const start = performance.now();
    const made = await used.run(before.getImageData(0, 0, width, height), element.strength.valueAsNumber);
    const milliseconds = performance.now() - start;
    Object.assign(element.after, {width: made.width, height: made.height});
    after.putImageData(made, 0, 0);
    element.stage.hidden = false;
    element.download.disabled = false;
    element.speed.textContent = `${milliseconds.toFixed(0)} ms, ${(1000 / milliseconds).toFixed(1)} frames per second`;
    element.after.dataset.frames = Number(element.after.dataset.frames ?? 0) + 1;
  } finally {
    running = false;
  }
  if (again) await render();
}

async function openFile() {
  const [file] = element.file.files;
  if (!file) return;
  stopCamera();
  let opened;
  try {
    opened = await createImageBitmap(file);
  } catch {
    throw new Error(`${file.name} is not a picture that this browser can read; choose a PNG, JPEG or WebP file.`);
  }
  if (opened.width * opened.height > MOST_PIXELS) {
    opened.close();
    throw new Error(`${file.name} has more than ${MOST_PIXELS / 1e6} million pixels; choose a smaller picture.`);
  }
  picture = opened;
  if (!filter) return;
  say(`${file.name}, ${opened.width} x ${opened.height} pixels`);
  await render();
}

function stopCamera() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  element.video.srcObject = null;
  element.camera.setAttribute('aria-pressed', 'false');
  if (picture === element.video) picture = null;
}

async function toggleCamera() {
  if (stream) return stopCamera();
  try {
    stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: 'environment'}});
  } catch (error) {
    throw new Error(`There is no camera that this page may use (${error.name}); choose a picture instead.`);
  }
  element.camera.setAttribute('aria-pressed', 'true');
  element.video.srcObject = stream;
  await element.video.play();
  picture = element.video;
  say('Camera');
  const frame = () => attempt(async () => {
    if (picture !== element.video) return;
    await render();
    requestAnimationFrame(frame);
  });
  frame();
}

async function download() {
  const file = await new Promise((resolve) => element.after.toBlob(resolve, 'image/png'));
  const link = Object.assign(document.createElement('a'), {href: URL.createObjectURL(file), download: `${filter.name}.png`});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function divide() {
  element.after.style.clipPath = `inset(0 0 0 ${element.divide.value}%)`;
}

/** Moves the divider to where a finger or the mouse is. */
function drag(event) {
  if (!event.buttons) return;
  const {left, width} = element.pictures.getBoundingClientRect();
  element.divide.value = 100 * (event.clientX - left) / width;
  divide();
}

/** Lets the service worker keep all that is loaded from here on, for the next time without a network. */
async function prepareOffline() {
  if (!navigator.serviceWorker) return;
  await navigator.serviceWorker.register('worker.js');
  if (navigator.serviceWorker.controller) return;
  await Promise.race([new Promise((resolve) => setTimeout(resolve, 3000)),
    new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', resolve, {once: true}))]);
}

async function start() {
  await prepareOffline().catch(() => {}); // private windows have none
  const answer = await fetch('models.json').catch(() => null);
  if (!answer?.ok) throw new Error('models.json cannot be loaded; is the server running?');
  ({models} = await answer.json());
  if (!models.length) throw new Error('There are no filters here: export one with export/tflite.py into the folder of the models.');
  element.filter.replaceChildren(...models.map(({name}) => new Option(name)));
  element.filter.disabled = false;
  await chooseFilter();
}

element.controls.addEventListener('submit', (event) => event.preventDefault());
element.filter.addEventListener('change', () => attempt(chooseFilter));
element.accelerator.addEventListener('change', () => attempt(chooseFilter));
element.strength.addEventListener('input', () => attempt(render));
element.file.addEventListener('change', () => attempt(openFile));
element.camera.addEventListener('click', () => attempt(toggleCamera));
element.download.addEventListener('click', () => attempt(download));
element.divide.addEventListener('input', divide);
element.pictures.addEventListener('pointerdown', drag);
element.pictures.addEventListener('pointermove', drag);
element.accelerator.options[1].disabled = !navigator.gpu;
divide();
attempt(start);
