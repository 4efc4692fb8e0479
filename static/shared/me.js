// The user as the server knows it: asked of the server, since its cookie is not for scripts.
import { backoff, Refused, request } from '../client/request.js';

/**
 * In open mode nobody is anybody in particular, and `username` is null.
 * @typedef {object} Me
 * @property {'open' | 'required'} auth
 * @property {'off' | 'invite' | 'open'} accounts
 * @property {boolean} guests
 * @property {string | null} username
 * @property {'person' | 'bot' | null} kind
 * @property {boolean} admin
 * @property {string[]} rights
 * @property {string | null} expires_at
 */

/**
 * Asks who one is, until there is an answer. Whoever has a cookie that is good no longer is nobody.
 * @param {() => void} [onAway] called when the server does not answer
 * @returns {Promise<Me>}
 */
export async function whoAmI(onAway) {
  let isStale = false;
  for (let failures = 0; ; failures += 1) {
    try {
      return await request('/api/v1/me', isStale ? { credentials: 'omit' } : {});
    } catch (error) {
      if (!isStale && error instanceof Refused && error.status === 401) {
        isStale = true;
        continue;
      }
      onAway?.();
      await pause((error instanceof Refused && error.retryAfter) || backoff(failures));
    }
  }
}

/**
 * Waits, at most until the network is back.
 * @param {number} milliseconds
 * @returns {Promise<void>}
 */
function pause(milliseconds) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener('online', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    addEventListener('online', done);
  });
}
