// Elements made from data. Text becomes text nodes only, so what people write can never become markup.
import { pieces } from './links.js';

/**
 * The element of the page with this id.
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {string} id
 * @param {new () => Kind} [kind]
 * @returns {Kind}
 */
export const byId = (id, kind) => asKind(document.getElementById(id), id, kind);

/**
 * The first element within another that `selector` names.
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {ParentNode} parent
 * @param {string} selector
 * @param {new () => Kind} [kind]
 * @returns {Kind}
 */
export const within = (parent, selector, kind) => asKind(parent.querySelector(selector), selector, kind);

/**
 * @template {HTMLElement} Kind
 * @param {Element | null} element
 * @param {string} name
 * @param {new () => Kind} [kind]
 */
function asKind(element, name, kind) {
  if (!(element instanceof (kind ?? HTMLElement))) throw new TypeError(`the page has no ${name}`);
  return /** @type {Kind} */ (element);
}

/**
 * The element around the target of an event, or the target itself, that `selector` names.
 * @param {EventTarget | null} target
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export function closest(target, selector) {
  return target instanceof Element ? target.closest(selector) : null;
}

/**
 * The elements within another.
 * @param {Element} element
 */
export const children = (element) => /** @type {HTMLElement[]} */ ([...element.children]);

/** @typedef {string | number | boolean | undefined | null} Attribute */

/**
 * An element with attributes and children; a child that is a string becomes text.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, Attribute>} [attributes]
 * @param {...(Node | string | undefined)} content
 */
export function make(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...content.filter((child) => child !== undefined));
  return element;
}

/** The element that has the focus, or null; a browser notices only later that one is not shown any more. */
export function focused() {
  const { activeElement: element, body } = document;
  return element && element !== body && element.getClientRects().length ? element : null;
}

/**
 * Text as nodes, with its web addresses as links.
 * @param {string} text
 */
export const linked = (text) => pieces(text).map((piece) => {
  const attributes = { href: piece.href, target: '_blank', rel: 'noopener noreferrer nofollow' };
  return piece.href ? make('a', attributes, piece.text) : document.createTextNode(piece.text);
});

/**
 * A round picture of a name: its first letter on its colour.
 * @param {string} name
 * @param {number} hue
 */
export function avatar(name, hue) {
  const [first] = new Intl.Segmenter().segment(name.trim());
  return make('span', { class: `avatar hue-${hue}`, 'aria-hidden': true }, (first?.segment ?? '?').toUpperCase());
}

const SVG = 'http://www.w3.org/2000/svg';
/** @type {Record<string, string>} */
const ICONS = {
  react: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M8.500 14.250s1.200 2 3.500 2 3.500-2 3.500-2M9 9.500v.500M15 9.500v.500',
  reply: 'M9 6l-5 5 5 5M4 11h9a7 7 0 0 1 7 7v1',
  plus: 'M12 5.500v13M5.500 12h13',
  more: 'M5.500 12h.010M12 12h.010M18.500 12h.010',
};

/** @param {string} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * A button that shows a picture, and acts on the message it stands at.
 * @param {string} act
 * @param {string} label
 * @param {Record<string, Attribute>} [attributes]
 */
export function tool(act, label, attributes = {}) {
  return make('button', { type: 'button', class: 'tool', 'data-act': act, 'aria-label': label, title: label, ...attributes }, icon(act));
}

const list = new Intl.ListFormat('en');

/**
 * Names in words; `count` are meant, also those that are not named.
 * @param {string[]} names
 */
export function inWords(names, count = names.length) {
  return list.format(count > names.length ? [...names, `${count - names.length} more`] : names);
}

/**
 * Moves the focus within `controls` by the keys of the keyboard's one direction; returns true if the key was one.
 * @param {KeyboardEvent} event
 * @param {HTMLElement[]} controls
 * @param {[back: string, on: string]} keys
 */
export function step(event, controls, [back, on]) {
  const at = controls.findIndex((control) => control === document.activeElement);
  const next = { [back]: at - 1, [on]: at + 1, Home: 0, End: controls.length - 1 }[event.key];
  if (next === undefined || at < 0) return false;
  event.preventDefault();
  controls[(next + controls.length) % controls.length].focus();
  return true;
}

/**
 * Puts what is in the top layer beside `anchor`, within what is seen of the window. Where it is a sheet at the window's
 * edge, its style says so.
 * @param {HTMLElement} element
 * @param {Element} anchor
 */
export function placeBeside(element, anchor) {
  const [box, { width, height }] = [anchor.getBoundingClientRect(), element.getBoundingClientRect()];
  /** @type {(value: number, size: number, whole: number) => number} */
  const fit = (value, size, whole) => Math.max(8, Math.min(value, whole - size - 8));
  const below = box.bottom + 4;
  element.style.left = `${fit(box.left, width, innerWidth)}px`;
  element.style.top = `${fit(below + height > innerHeight ? box.top - height - 4 : below, height, innerHeight)}px`;
}
