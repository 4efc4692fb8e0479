// A few words over the top of the messages, for a while: what was done, or why it could not be.
import { byId } from '../shared/dom.js';
import { UNREACHABLE } from '../shared/refusals.js';

/** In milliseconds. */
const FOR = 8_000;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let isOfLine = false;

/** @param {string} words */
export function notice(words) {
  const line = byId('notice');
  clearTimeout(timer);
  isOfLine = false;
  line.textContent = words;
  line.hidden = false;
  timer = setTimeout(() => (line.hidden = true), FOR);
}

/** Says that the server did not answer; gone as soon as the line is back. */
export function noticeUnreachable() {
  notice(UNREACHABLE);
  isOfLine = true;
}

/** The line is back. */
export function noticeReached() {
  if (isOfLine) byId('notice').hidden = true;
}
