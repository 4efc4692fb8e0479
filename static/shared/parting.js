// A page that is left for another, with words for the reader to find there.
import { load, save } from './store.js';

const KEY = 'parlor:parting';

/**
 * Goes to another page of this server, which says the words.
 * @param {string} address
 * @param {string} [words]
 */
export function leaveFor(address, words) {
  save('sessionStorage', KEY, words);
  location.replace(address);
}

/**
 * The words that the page before has left, once.
 * @returns {string}
 */
export function partingWords() {
  const words = load('sessionStorage', KEY) ?? '';
  save('sessionStorage', KEY, undefined);
  return words;
}

/** The address of the sign-in, which leads back to this page. */
export function signInAddress({ pathname, hash } = location) {
  return `/sign-in?${new URLSearchParams({ to: pathname + hash })}`;
}

/**
 * The page of this server that `query` says to go to; the rooms, if it names none.
 * @param {string} query
 * @param {string} origin
 */
export function wayBack(query, origin) {
  const to = new URLSearchParams(query).get('to') ?? '';
  try {
    const url = new URL(to, origin);
    if (to.startsWith('/') && url.origin === origin && !url.pathname.startsWith('/sign-in')) return url.pathname + url.hash;
  } catch {
    // Nothing that leads anywhere.
  }
  return '/';
}
