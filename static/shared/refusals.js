// Refusals in plain words, and where they belong: at a field, or at what was tried.
import { Refused } from '../client/request.js';

export const UNREACHABLE = 'The server can’t be reached. Try again in a moment.';

/** The words for a code; for any other the server's own. @type {Record<string, string>} */
const WORDS = {
  bad_credentials: 'The name or the password is not right.',
  invitation_invalid: 'This invitation can’t be used: it was used already, its time is over, or it is for another name.',
  name_taken: 'This name is taken, or looks like one that is.',
  forbidden: 'You may not do this, or no longer.',
  last_owner: 'A room keeps an owner. Make somebody else an owner first.',
  muted: 'You are muted in this room.',
  slow_mode: 'This room asks for a pause between two messages.',
};

/**
 * A time to wait, in words.
 * @param {number} milliseconds
 */
export function inTime(milliseconds) {
  const seconds = Math.max(1, Math.ceil(milliseconds / 1000));
  const [count, unit] = seconds < 90 ? [seconds, 'second'] : [Math.ceil(seconds / 60), 'minute'];
  return `${count} ${unit}${count > 1 ? 's' : ''}`;
}

/**
 * The reason why something was not done; `own` has words for what a code means just here.
 * @param {unknown} error
 * @param {Record<string, string>} [own]
 */
export function inPlainWords(error, own = {}) {
  if (!(error instanceof Refused)) return UNREACHABLE;
  const known = own[error.code ?? ''] ?? WORDS[error.code ?? ''];
  if (error.status === 429 && !known) return `Too many tries. Try again ${error.retryAfter ? `in ${inTime(error.retryAfter)}` : 'later'}.`;
  return known ?? error.message;
}

/**
 * A fault of a field as a sentence: the server's words go on after its name.
 * @param {string} label
 * @param {string} detail
 */
export const sentence = (label, detail) => `${label} ${detail}${/[.!?]$/.test(detail) ? '' : '.'}`;
