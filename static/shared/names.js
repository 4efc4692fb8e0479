// Names of users: remembered in this browser, checked as the server does.
import { fold } from './fold.js';
import { load, save } from './store.js';

const KEY = 'parlor:name';

/** Characters that show nothing or turn the text around; the server refuses names that have one. Selectors and joiners it takes where they belong. */
const DECEPTIVE = /(?!\p{Join_Control}|\p{Variation_Selector})[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}]/u;

export { fold };

/** @returns {string} */
export const rememberedName = () => load('localStorage', KEY) ?? '';

/** @param {string} name */
export const rememberName = (name) => save('localStorage', KEY, name);

/**
 * The error of a name, or nothing.
 * @param {string} name
 */
export function wrongWithName(name) {
  const shown = name.trim().normalize('NFC');
  if (!shown) return 'Choose a name first.';
  if ([...shown].length > 100) return 'A name has at most 100 characters.';
  if (DECEPTIVE.test(shown)) return 'A name can’t have invisible characters.';
  return '';
}

/**
 * A number from 0 to 7 for a name, which picks its colour.
 * @param {string} name
 */
export function hue(name) {
  let sum = 0;
  for (const char of fold(name)) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 4093;
  return sum % 8;
}
