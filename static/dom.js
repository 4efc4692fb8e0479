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
