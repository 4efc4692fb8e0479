// Dialogs that are made when they are asked for, and gone when they are closed: the browser gives the focus back.
import { closest, focused, make, within } from './dom.js';
import { button, ending, focusFirst, onSend } from './form.js';
import { inPlainWords } from './refusals.js';

let count = 0;

/**
 * Opens a dialog. It is closed by Escape or its own buttons, and then `onClose` is called.
 * @param {string} title
 * @param {(Node | undefined)[]} content
 * @param {{ isWide?: boolean, onClose?: () => void }} [options]
 */
export function openDialog(title, content, { isWide = false, onClose } = {}) {
  count += 1;
  const id = `dialog-${count}`;
  const dialog = make('dialog', { class: isWide ? 'ask wide' : 'ask', 'aria-labelledby': id }, make('h2', { id }, title), ...content.filter((each) => each !== undefined));
  const opener = document.activeElement;
  const again = opener instanceof HTMLElement ? likeness(opener) : () => false;
  dialog.addEventListener('close', () => {
    dialog.remove();
    onClose?.();
    // What opened it may have been made again, or be gone by now.
    const like = [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-act]'))].find(again);
    if (!focused()) like?.focus();
    if (!focused()) focusRest();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Finds the button that does the same to the same. @param {HTMLElement} opener */
function likeness(opener) {
  const keyOf = (/** @type {HTMLElement} */ each) => closest(each, '[data-key]')?.dataset.key;
  const [act, key] = [opener.dataset.act, keyOf(opener)];
  return (/** @type {HTMLElement} */ each) => act !== undefined && each.dataset.act === act && keyOf(each) === key;
}

/** The focus goes to the dialog below, or to what the page is for. */
function focusRest() {
  const [below] = [...document.querySelectorAll('dialog[open]')].slice(-1);
  const place = below ?? document.querySelector('#form:not([hidden])') ?? document.querySelector('main');
  if (place instanceof HTMLElement) focusFirst(place);
}

/**
 * A button that closes the dialog it is in.
 * @param {string} label
 * @param {Record<string, import('./dom.js').Attribute>} [attributes]
 */
export const closing = (label, attributes = {}) => {
  const made = button(label, () => made.closest('dialog')?.close(), attributes);
  return made;
};

/**
 * A question in a dialog: a form that closes once it was taken, or says there why it was refused.
 * @typedef {{ title: string, text?: string, yes: string, no?: string, fields?: HTMLElement[], words?: Record<string, string> }} Question
 */
/** The deed, which may return what is to be done once the dialog is closed. @typedef {(values: Record<string, string>) => Promise<(() => void) | void>} Deed */

/**
 * Asks before something is done that can't be undone.
 * @param {Question} question
 * @param {Deed} act
 */
export const askFirst = (question, act) => askIn(question, act, true);

/**
 * @param {Question} question
 * @param {Deed} act
 */
export const askFor = (question, act) => askIn(question, act, false);

/**
 * @param {Question} question
 * @param {Deed} act
 * @param {boolean} isDanger
 */
function askIn({ title, text, yes, no = 'Cancel', fields = [], words }, act, isDanger) {
  const form = make('form', { method: 'post' }, text ? make('p', { class: 'hint' }, text) : undefined, ...fields,
    ...ending(closing(no), make('button', { class: isDanger ? 'primary danger' : 'primary' }, yes)));
  const dialog = openDialog(title, [form]);
  onSend(form, async (values) => {
    const next = await act(values);
    dialog.close();
    next?.();
  }, words);
  // The harmless answer first, unless there is something to be filled in.
  focusFirst(fields.length ? form : within(form, '.choice'));
}

/**
 * Shows a secret this once, to be copied.
 * @param {{ title: string, text: string, label: string, secret: string, onClose?: () => void }} shown
 */
export function showSecret({ title, text, label, secret, onClose }) {
  const field = make('input', { class: 'field secret', readonly: true, value: secret, 'aria-label': label, autocomplete: 'off' });
  const status = make('p', { class: 'hint', role: 'status' });
  const copy = button('Copy', async () => {
    try {
      await navigator.clipboard.writeText(secret);
      status.textContent = 'It is copied.';
    } catch {
      // Only a page that came by HTTPS or from this machine may.
      field.focus();
      field.select();
      status.textContent = 'Your browser does not let this page copy. It is selected: copy it by hand.';
    }
  }, { class: 'primary' });
  openDialog(title, [make('p', { class: 'hint' }, text), make('div', { class: 'row' }, field, copy), status,
    make('div', { class: 'choice' }, closing('Done'))], { onClose });
  copy.focus();
}

/**
 * Shows at a list or a button why something there was refused.
 * @param {Promise<unknown>} change
 * @param {HTMLElement} place
 * @param {Record<string, string>} [words]
 * @returns {Promise<boolean>} true if it was done
 */
export async function trying(change, place, words) {
  place.textContent = '';
  try {
    await change;
    return true;
  } catch (error) {
    place.textContent = inPlainWords(error, words);
    return false;
  }
}

