// The session of this browser where credentials are required: requests in it, its end, and nothing left to who comes next.
/** @import { Me } from './me.js' */
import { JSON_BODY, Refused, request } from '../client/request.js';
import { leaveFor, partingWords, signInAddress } from './parting.js';
import { load, save } from './store.js';

const USER = 'parlor:user';

/**
 * Asks the API for what is at `path` in it. Without a session it leads to the sign-in.
 * @param {string} path
 * @param {{ method?: string, body?: object, headers?: Record<string, string>, signal?: AbortSignal }} [options]
 * @returns {Promise<any>}
 */
export async function ask(path, { method = 'GET', body, headers, signal } = {}) {
  const json = body ? { body: JSON.stringify(body), headers: { ...JSON_BODY, ...headers } } : { headers };
  try {
    return await request(`/api/v1/${path}`, { method, signals: signal ? [signal] : [], ...json });
  } catch (error) {
    if (hasEnded(error)) signInAgain();
    throw error;
  }
}

/**
 * True if nobody is signed in any more; a password that is wrong says nothing of that.
 * @param {unknown} error
 */
export const hasEnded = (error) => error instanceof Refused && error.status === 401 && error.code !== 'bad_credentials';

export function signInAgain() {
  leaveFor(signInAddress(), 'You are signed out. Sign in to go on.');
}

/** Ends the session, on this browser and on the server. */
export async function signOut() {
  await ask('session', { method: 'DELETE' });
  forget();
  leaveFor('/sign-in', 'You are signed out.');
}

/**
 * Takes note of who uses this tab: drafts of somebody else are nobody's business. Returns the words that the page before has left.
 * @param {Me} me
 */
export function enter({ username }) {
  const words = partingWords();
  if (username !== null && load('sessionStorage', USER) !== username) {
    forget();
    save('sessionStorage', USER, username);
  }
  return words;
}

function forget() {
  try {
    sessionStorage.clear();
  } catch {
    // Where it is forbidden there is nothing in it.
  }
}
