// The beginning of a page that is for users only: who it is, or the way to the sign-in.
/** @import { Me } from './me.js' */
import { byId } from './dom.js';
import { whoAmI } from './me.js';
import { leaveFor, signInAddress } from './parting.js';
import { UNREACHABLE } from './refusals.js';
import { enter } from './session.js';

/** Shows words that are about the whole page. @param {string} words */
export function showWords(words) {
  byId('words').textContent = words;
  byId('words').hidden = !words;
}

/**
 * The user, once the server has said so; whoever is nobody is on the way to the sign-in.
 * @returns {Promise<(Me & { username: string }) | undefined>}
 */
export async function signedIn() {
  const me = await whoAmI(() => showWords(UNREACHABLE));
  const { username } = me;
  if (username === null) {
    leaveFor(signInAddress());
    return undefined;
  }
  showWords(enter(me));
  document.querySelector('main')?.removeAttribute('aria-busy');
  // A page taken back from the browser's memory may show what is over.
  addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
  return { ...me, username };
}
