// The page: which filter, which picture, and what is shown.

import {Brush} from './brush.js';
import {Camera} from './camera.js';
import {Film} from './film.js';
import {Filter} from './filter.js';
import {prepareOffline} from './offline.js';
import {Picture} from './picture.js';
import {Styles} from './styles.js';

const element = Object.fromEntries([...document.querySelectorAll('[id]')].map((one) => [one.id, one]));
const before = element.before.getContext('2d', {willReadFrequently: true});
const after = element.after.getContext('2d', {willReadFrequently: true});
const styles = new Styles(element.styles, element.slot, () => attempt(render));
const brush = new Brush(element.brush, element.pictures, element['brush-size'], () => attempt(render));
const camera = new Camera(element.video, say, switched);

let models = [];
let filter = null;
let picture = null;
let name = ''; // of the picture's file, without its ending
let film = null;
let result = null; // {blob, name}: what Download saves; null for the canvas
let actions = 0; // that run
let loads = 0; // of filters that were asked for
let loading = Promise.resolve(); // the last of them
let renders = 0; // that were asked for
let work = Promise.resolve(); // the last of them
let stopping = null; // an AbortController, while a film is made

/** The work is not wanted any more. */
class Superseded extends Error {}

function say(text, isError = false) {
  element.status.setAttribute('role', isError ? 'alert' : 'status');
  element.status.textContent = text.replace(/\s+/g, ' ');
}

/** Runs an action; what it throws becomes one line. */
async function attempt(action) {
  element.stage.setAttribute('aria-busy', 'true');
  ++actions;
  try {
    await action();
  } catch (error) {
    element.progress.hidden = true;
    if (!(error instanceof Superseded)) say(error?.message ?? String(error), true);
  } finally {
    if (!--actions) element.stage.setAttribute('aria-busy', 'false');
  }
}

function progress(fraction) {
  element.progress.value = fraction;
  element.progress.hidden = fraction >= 1;
}

/** Loads the chosen filter, when what is loaded before has come. */
function chooseFilter() {
  const turn = ++loads;
  return loading = loading.catch(() => {}).then(() => turn === loads ? load(models[element.filter.selectedIndex]) : undefined);
}

async function load(described) {
  ++renders;
  await work.catch(() => {}); // what runs on the filter before
  filter?.delete();
  filter = null;
  progress(0);
  element.download.disabled = true;
  say(`Loading ${described.name} ...`);
  filter = await Filter.load(described, element.accelerator.value, progress);
  progress(1);
  const {tiles, resize} = filter.fits;
  element['fit-label'].hidden = !(tiles && resize);
  if (!tiles || !resize) element.fit.value = tiles ? 'tiles' : 'resize';
  element['strength-label'].hidden = !filter.hasStrength;
  element.holes.hidden = element.brush.hidden = !filter.takesMask;
  brush.on = filter.takesMask;
  styles.show(filter);
  say(`${filter.name}: takes ${filter.takes}.`);
  await render();
}

/** Runs the filter on the picture, when what runs before has ended. */
function render() {
  const turn = ++renders;
  return work = work.catch(() => {}).then(() => turn === renders && filter && picture && draw(picture, turn));
}

async function draw(picture, turn) {
  const start = performance.now();
  const made = await apply(picture, await styles.chosen(), async (fraction) => {
    progress(fraction);
    await new Promise((resolve) => setTimeout(resolve)); // lets the page be used
    if (turn !== renders) throw new Superseded();
  });
  if (!made) return say(`${filter.name}: paint over what is missing in the picture.`);
  const milliseconds = performance.now() - start;
  show(element.after, after, made);
  element.download.disabled = false;
  result = null;
  if (filter.takesMask) say(`${filter.name}: filled; paint on, or clear the brush.`);
  const each = camera.on ? `, ${(1000 / milliseconds).toFixed(1)} frames per second` : '';
  element.speed.textContent = `${milliseconds.toFixed(0)} ms${each}; ${made.width} x ${made.height} pixels`;
  element.after.dataset.frames = Number(element.after.dataset.frames ?? 0) + 1;
}

/** Returns what the filter makes of a picture, an ImageData; null where it fills holes and there are none. */
async function apply(picture, chosen, report) {
  const mask = filter.takesMask ? brush.mask : undefined;
  if (mask === null) return null;
  const kept = element.keep.checked && picture.alpha;
  const fit = camera.on && filter.fits.resize ? 'resize' : element.fit.value;
  const strength = element.strength.valueAsNumber;
  return filter.apply(kept ? picture.own : picture.shown, {fit, strength, mask, ...chosen, alpha: kept || null, report});
}

function show(canvas, context, pixels) {
  Object.assign(canvas, {width: pixels.width, height: pixels.height});
  context.putImageData(pixels, 0, 0);
}

/** Takes a picture that has just been opened. */
function take(opened, file) {
  camera.stop();
  picture = opened;
  name = file.name.replace(/\.[^.]*$/, '');
  brush.start(picture.width, picture.height);
  after.canvas.width = after.canvas.height = 0;
  element.download.disabled = true;
  element['keep-label'].hidden = !picture.alpha;
  element.stage.hidden = false;
  showBefore();
  if (filter) say(`${file.name}, ${picture.width} x ${picture.height} pixels`);
}

function showBefore() {
  show(element.before, before, element.keep.checked ? withAlpha(picture) : picture.shown);
}

function withAlpha({own, alpha}) {
  if (!alpha) return own;
  const {data, width, height} = own, pixels = new ImageData(data.slice(), width, height);
  alpha.forEach((level, pixel) => pixels.data[4 * pixel + 3] = level);
  return pixels;
}

async function openFile() {
  const [file] = element.file.files;
  element.file.value = ''; // so that the same file can be chosen again
  if (!file) return;
  element.made.hidden = element.convert.hidden = true;
  film = null;
  if (file.type.startsWith('video/')) {
    const opened = await Film.open(file);
    take(opened.first, file);
    film = opened;
    element.convert.hidden = false;
    say(`${file.name}: its first frame; "Filter the video" makes all of it.`);
  } else {
    take(await Picture.open(file, file.name), file);
  }
  await render();
}

/** Makes the whole film; the choices stay as they are meanwhile. */
async function convert() {
  if (!filter) throw new Error('Choose a filter first.');
  const chosen = await styles.chosen();
  stopping = new AbortController();
  const {signal} = stopping;
  element.choices.disabled = true;
  element.stop.hidden = false;
  try {
    const made = await film.filter(async (frame) => {
      const pixels = await apply(frame, chosen, () => {});
      if (!pixels) throw new Error('Paint over what is missing in the picture.');
      show(element.before, before, frame.shown);
      show(element.after, after, pixels);
      await new Promise((resolve) => setTimeout(resolve));
      return pixels;
    }, filter.scale, (fraction) => {
      progress(Math.min(fraction, 0.999));
      say(`Filtering the video: ${Math.round(100 * fraction)} %`);
    }, signal);
    result = {blob: made.blob, name: `${name}_${filter.name}${made.ending}`};
    URL.revokeObjectURL(element.made.src);
    element.made.src = URL.createObjectURL(made.blob);
    element.made.hidden = false;
    const without = made.left.length ? `, without its ${made.left.join(' and ')}, which this browser cannot write` : '';
    say(`${result.name} is ready${without}; Download saves it.`);
  } catch (error) {
    throw signal.aborted ? new Error('The video was stopped; nothing was made of it.') : error;
  } finally {
    stopping = null;
    progress(1);
    element.choices.disabled = false;
    element.stop.hidden = true;
    element.download.disabled = !result;
  }
}

async function toggleCamera() {
  if (camera.on) return camera.stop();
  await camera.start();
  film = null;
  element.made.hidden = element.convert.hidden = element['keep-label'].hidden = true;
  element.stage.hidden = false;
  name = 'camera';
  nextFrame();
}

function nextFrame() {
  requestAnimationFrame(() => camera.on && attempt(takeFrame).then(nextFrame));
}

async function takeFrame() {
  const {videoWidth, videoHeight} = element.video;
  picture = Picture.of(element.video, videoWidth, videoHeight);
  if (brush.canvas.width !== videoWidth || brush.canvas.height !== videoHeight) brush.start(videoWidth, videoHeight);
  showBefore();
  await render();
}

function switched(on) {
  element.camera.setAttribute('aria-pressed', String(on));
}

async function download() {
  const made = result ?? {
    blob: await new Promise((resolve) => element.after.toBlob(resolve, 'image/png')),
    name: `${name}_${filter.name}.png`,
  };
  const link = Object.assign(document.createElement('a'), {href: URL.createObjectURL(made.blob), download: made.name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function divide() {
  const {value} = element.divide;
  element.before.style.clipPath = element.brush.style.clipPath = `inset(0 ${100 - value}% 0 0)`;
  element.after.style.clipPath = `inset(0 0 0 ${value}%)`;
}

/** Moves the divider to where a finger or the mouse is. */
function drag(event) {
  if (!event.buttons || brush.on) return;
  const {left, width} = element.pictures.getBoundingClientRect();
  element.divide.value = 100 * (event.clientX - left) / width;
  divide();
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

function on(id, event, action) {
  element[id].addEventListener(event, () => attempt(action));
}

element.controls.addEventListener('submit', (event) => event.preventDefault());
on('filter', 'change', chooseFilter);
on('accelerator', 'change', chooseFilter);
on('fit', 'change', render);
on('strength', 'input', render);
on('keep', 'change', () => {
  if (picture) showBefore();
  return render();
});
on('file', 'change', openFile);
on('camera', 'click', toggleCamera);
on('convert', 'click', convert);
on('stop', 'click', () => stopping?.abort());
on('download', 'click', download);
on('clear', 'click', () => brush.clear());
on('mask-file', 'change', async () => {
  const [file] = element['mask-file'].files;
  element['mask-file'].value = '';
  if (file) await brush.open(file);
});
element.divide.addEventListener('input', divide);
element.pictures.addEventListener('pointerdown', drag);
element.pictures.addEventListener('pointermove', drag);
element.accelerator.options[1].disabled = !navigator.gpu;
divide();
attempt(start);
