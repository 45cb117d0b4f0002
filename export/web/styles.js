// The controls of styles: two pictures and their blend, or the weights of numbered styles.

import {mixed} from './filter.js';
import {PAINTINGS} from './paintings.js';
import {Picture} from './picture.js';

export class Styles {
  /**
   * @param {HTMLFieldSetElement} fieldset is filled and shown for filters with styles.
   * @param {HTMLTemplateElement} slot the controls of a style picture.
   * @param {() => void} changed
   */
  constructor(fieldset, slot, changed) {
    Object.assign(this, {fieldset, changed, filter: null, known: new Map(), weights: []});
    this.slots = [0, 1].map((number) => new Slot(slot, number, () => this.#change()));
    this.blend = range('Blend, share of the second style', 0.5, () => this.#change());
  }

  /** Shows what a filter lets choose. */
  show(filter) {
    this.filter = filter;
    this.known.clear();
    this.weights = [];
    const made = [];
    if (filter.predict) made.push(...this.slots.map((slot) => slot.element), this.blend.label);
    for (let number = 0; number < filter.styles; ++number) {
      this.weights.push(range(`Style ${number}`, number ? 0 : 1, () => this.changed()));
      made.push(this.weights[number].label);
    }
    this.fieldset.replaceChildren(this.fieldset.firstElementChild, ...made);
    this.fieldset.hidden = !made.length;
    this.#showBlend();
  }

  /** Returns what the filter takes: {style}, {weights} or {}. */
  async chosen() {
    if (this.weights.length) return {weights: shares(this.weights.map(({input}) => input.valueAsNumber))};
    if (!this.filter.predict) return {};
    const [one, other] = await Promise.all(this.slots.map((slot) => slot.chosen && this.#style(slot.chosen)));
    return {style: other ? mixed(one, other, this.blend.input.valueAsNumber) : one};
  }

  /** Returns the style of a choice, which is computed once. */
  #style(choice) {
    if (!this.known.has(choice)) {
      const {filter, known} = this;
      const made = choice.open().then((picture) => filter.style(picture.shown));
      made.catch(() => known.delete(choice));
      known.set(choice, made);
    }
    return this.known.get(choice);
  }

  #change() {
    this.#showBlend();
    this.changed();
  }

  #showBlend() {
    this.blend.label.hidden = !this.slots[1].chosen;
  }
}

/** The choice of a style picture: a painting, or a file. */
class Slot {
  constructor(template, number, changed) {
    this.element = template.content.firstElementChild.cloneNode(true);
    this.select = this.element.querySelector('select');
    this.image = this.element.querySelector('img');
    const file = this.element.querySelector('input');
    const which = ['First style', 'Second style'][number];
    this.element.querySelector('span').textContent = which;
    file.setAttribute('aria-label', `${which}: a picture of your own`);
    this.choices = PAINTINGS.map(painting);
    if (number) this.choices.unshift({name: 'none'});
    this.select.replaceChildren(...this.choices.map(({name}) => new Option(name)));
    this.select.addEventListener('change', () => this.#change(changed));
    file.addEventListener('change', () => {
      const [given] = file.files;
      file.value = ''; // so that the same file can be chosen again
      if (!given) return;
      this.choices.push(own(given));
      this.select.add(new Option(given.name, undefined, true, true));
      this.#change(changed);
    });
    this.#change(() => {});
  }

  /** The choice, or undefined where it is none. */
  get chosen() {
    const choice = this.choices[this.select.selectedIndex];
    return choice.open && choice;
  }

  #change(changed) {
    this.image.hidden = !this.chosen;
    if (this.chosen) this.image.src = this.chosen.source;
    changed();
  }
}

function painting({name, file}) {
  return {name, source: file, open: async () => Picture.open(await (await fetch(file)).blob(), name)};
}

function own(file) {
  return {name: file.name, source: URL.createObjectURL(file), open: () => Picture.open(file, file.name)};
}

function range(text, value, changed) {
  const label = document.createElement('label'), input = document.createElement('input');
  Object.assign(input, {type: 'range', min: 0, max: 1, step: 0.05, value});
  input.addEventListener('input', changed);
  label.append(text, ' ', input);
  return {label, input};
}

function shares(weights) {
  const sum = weights.reduce((one, other) => one + other);
  if (!sum) throw new Error('No style has a share; move one of them above 0.');
  return Float32Array.from(weights, (weight) => weight / sum);
}
