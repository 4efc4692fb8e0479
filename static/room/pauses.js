// The pauses that a room may ask for between two messages of a person.
import { HOUR, MINUTE } from '../shared/times.js';

/** In seconds; 0 for none. */
export const PAUSES = [0, 5, 10, 30, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR];

/** @param {number} seconds */
export function pauseInWords(seconds) {
  if (!seconds) return 'None';
  const [count, unit] = seconds % HOUR === 0 ? [seconds / HOUR, 'hour'] : seconds % MINUTE === 0 ? [seconds / MINUTE, 'minute'] : [seconds, 'second'];
  return `${count} ${unit}${count > 1 ? 's' : ''}`;
}
