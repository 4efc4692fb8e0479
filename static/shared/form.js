// Forms: fields with their labels and faults, and sending them once, with what is refused said where it belongs.
/** @import { Attribute } from './dom.js' */
import { Refused } from '../client/request.js';
import { closest, make } from './dom.js';
import { inPlainWords, sentence } from './refusals.js';

let count = 0;

/**
 * A control with its label, a hint, and a place for its fault; its name is that of the field of the request.
 * @param {string} label
 * @param {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} control
 * @param {string} [hint]
 */
export function entry(label, control, hint) {
  count += 1;
  const id = control.id || `entry-${count}`;
  control.id = id;
  control.classList.add('field');
  control.setAttribute('aria-describedby', `${hint ? `${id}-hint ` : ''}${id}-error`);
  return make('div', { class: 'entry' },
    make('label', { for: id }, label), control,
    hint ? make('p', { class: 'hint', id: `${id}-hint` }, hint) : undefined,
    make('p', { class: 'error', id: `${id}-error` }));
}

/**
 * A choice of one among words.
 * @param {string} name
 * @param {[value: string, words: string][]} options
 * @param {string} [chosen]
 */
export function select(name, options, chosen) {
  return make('select', { name }, ...options.map(([value, words]) => make('option', { value, selected: value === chosen }, words)));
}

/** @param {Record<string, Attribute>} attributes */
export const input = (attributes) => make('input', { autocomplete: 'off', dir: 'auto', ...attributes });

/** The last thing of a form: what it says when it was refused, and its buttons. @param {...HTMLElement} buttons */
export const ending = (...buttons) => [make('p', { class: 'error', role: 'alert', 'data-refusal': true }), make('div', { class: 'choice' }, ...buttons)];

/** The texts of a form by the names of their fields, trimmed except for secrets. @param {HTMLFormElement} form */
export function values(form) {
  const fields = /** @type {(HTMLInputElement | HTMLSelectElement)[]} */ ([...form.elements].filter((each) => each.getAttribute('name')));
  return Object.fromEntries(fields.map(({ name, type, value }) => [name, type === 'password' ? value : value.trim()]));
}

/**
 * Has a form do something when it is sent, one at a time; a refusal is shown at the fields it names, or at the form.
 * @param {HTMLFormElement} form
 * @param {(values: Record<string, string>) => Promise<unknown>} act
 * @param {Record<string, string>} [words] for codes
 */
export function onSend(form, act, words) {
  let isSending = false;
  form.noValidate = true;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (isSending) return;
    isSending = true;
    clearFaults(form);
    form.setAttribute('aria-busy', 'true');
    try {
      await act(values(form));
    } catch (error) {
      showFaults(form, error, words);
    } finally {
      isSending = false;
      form.removeAttribute('aria-busy');
    }
  });
}

/** @param {HTMLFormElement} form */
export function clearFaults(form) {
  for (const error of form.querySelectorAll('.error')) error.textContent = '';
  for (const control of form.querySelectorAll('[aria-invalid]')) control.removeAttribute('aria-invalid');
}

/**
 * A fault that a page finds before it asks.
 */
export class Fault extends Error {
  /**
   * @param {string} field
   * @param {string} words
   */
  constructor(field, words) {
    super(words);
    this.field = field;
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {unknown} error
 * @param {Record<string, string>} [words]
 */
function showFaults(form, error, words) {
  const faults = error instanceof Fault ? [{ field: error.field, text: error.message }]
    : error instanceof Refused ? error.errors.map(({ field, detail }) => ({ field, text: detail })) : [];
  const rest = [];
  let first;
  for (const { field, text } of faults) {
    const control = form.elements.namedItem(field);
    const place = control instanceof HTMLElement ? closest(control, '.entry')?.querySelector('.error') : undefined;
    if (!(control instanceof HTMLElement) || !place) {
      rest.push(sentence(field, text));
      continue;
    }
    control.setAttribute('aria-invalid', 'true');
    place.textContent = error instanceof Fault ? text : sentence(labelOf(control), text);
    first ??= control;
  }
  const refusal = form.querySelector('[data-refusal]');
  if (refusal && !faults.length) rest.push(inPlainWords(error, words));
  if (refusal) refusal.textContent = rest.join(' ');
  // What is wrong is read out with the field.
  (first ?? focusable(form))?.focus();
}

/** @param {HTMLElement} control */
function labelOf(control) {
  const [label] = /** @type {HTMLInputElement} */ (control).labels ?? [];
  return label?.dataset.short ?? label?.textContent ?? '';
}

/** The field to be mended after a refusal that names none: the first secret, or else none but what has the focus. @param {HTMLFormElement} form */
function focusable(form) {
  return /** @type {HTMLElement | null} */ (form.querySelector('input[type="password"]'));
}

/** A row of buttons that stand beside something. @param {...HTMLElement | undefined} buttons */
export const acts = (...buttons) => make('div', { class: 'acts' }, ...buttons);

/**
 * @param {string} label
 * @param {() => unknown} act
 * @param {Record<string, Attribute>} [attributes]
 */
export function button(label, act, attributes = {}) {
  const made = make('button', { type: 'button', class: 'quiet', ...attributes }, label);
  made.addEventListener('click', act);
  return made;
}

/** Gives the focus to the first control that is shown within another element. @param {HTMLElement} element */
export function focusFirst(element) {
  const all = /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll('input, select, button, textarea, a[href], [tabindex="0"]'));
  [...all].find((each) => each.tabIndex >= 0 && each.getClientRects().length)?.focus();
}

