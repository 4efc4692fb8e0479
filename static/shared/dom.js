// Elements made from data. Text becomes text nodes only, so what people write can never become markup.

export const byId = (id) => document.getElementById(id);

/** An element with attributes and children; a child that is a string becomes text. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** What has the focus, or null; a browser notices only later that it is not shown any more. */
export function focused() {
  const { activeElement: element, body } = document;
  return element && element !== body && element.getClientRects().length ? element : null;
}

const LINK = /https?:\/\/[^\s<>"]+[^\s<>".,;:!?'’)\]]/g;

/** Text as nodes, with its web addresses as links. */
export function linked(text) {
  const nodes = [];
  let end = 0;
  for (const { 0: address, index } of text.matchAll(LINK)) {
    nodes.push(text.slice(end, index));
    nodes.push(make('a', { href: address, target: '_blank', rel: 'noopener noreferrer nofollow' }, address));
    end = index + address.length;
  }
  nodes.push(text.slice(end));
  return nodes.filter((node) => node !== '');
}

/** A round picture of a name: its first letter on its colour. */
export function avatar(name, hue) {
  const [first = '?'] = new Intl.Segmenter().segment(name.trim());
  return make('span', { class: `avatar hue-${hue}`, 'aria-hidden': 'true' }, (first.segment ?? first).toUpperCase());
}

const SVG = 'http://www.w3.org/2000/svg';
const ICONS = {
  react: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M8.500 14.250s1.200 2 3.500 2 3.500-2 3.500-2M9 9.500v.500M15 9.500v.500',
  reply: 'M9 6l-5 5 5 5M4 11h9a7 7 0 0 1 7 7v1',
  plus: 'M12 5.500v13M5.500 12h13',
  more: 'M5.500 12h.010M12 12h.010M18.500 12h.010',
};

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button that shows a picture, and acts on the message it stands at. */
export function tool(act, label, attributes = {}) {
  return make('button', { type: 'button', class: 'tool', 'data-act': act, 'aria-label': label, title: label, ...attributes }, icon(act));
}

const list = new Intl.ListFormat('en');

/** Names in words; `count` are meant, also those that are not named. */
export function inWords(names, count = names.length) {
  return list.format(count > names.length ? [...names, `${count - names.length} more`] : names);
}

/** Moves the focus within `controls` by the keys of the keyboard's one direction; whether the key was one. */
export function step(event, controls, [back, on]) {
  const at = controls.indexOf(document.activeElement);
  const next = { [back]: at - 1, [on]: at + 1, Home: 0, End: controls.length - 1 }[event.key];
  if (next === undefined || at < 0) return false;
  event.preventDefault();
  controls[(next + controls.length) % controls.length].focus();
  return true;
}

/** Puts what is in the top layer beside `anchor`, within the window. Where it is a sheet at the window's edge, its style says so. */
export function placeBeside(element, anchor) {
  const [box, { width, height }] = [anchor.getBoundingClientRect(), element.getBoundingClientRect()];
  const fit = (value, size, whole) => Math.max(8, Math.min(value, whole - size - 8));
  const below = box.bottom + 4;
  element.style.left = `${fit(box.left, width, innerWidth)}px`;
  element.style.top = `${fit(below + height > innerHeight ? box.top - height - 4 : below, height, innerHeight)}px`;
}
