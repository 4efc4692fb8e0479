// The comparison of names: case-folded as the server does it, by the table that is made from the server's own rule.
import { FOLDED } from './folded.js';

/** The fold of each character that is not its own. @type {Map<string, string>} */
const table = new Map();
for (const [first, last, step, to] of FOLDED) {
  for (let code = first; code <= last; code += step) {
    table.set(String.fromCodePoint(code), typeof to === 'string' ? to : String.fromCodePoint(code + to));
  }
}

/** The characters that pick a look, or make one picture of several emoji: they tell no two names apart. */
const SELECTORS = /(?<=\p{Extended_Pictographic}[\p{Variation_Selector}\p{Emoji_Modifier}]*)\u200D(?=\p{Extended_Pictographic})|\p{Variation_Selector}/gu;

/**
 * The fold of a name, which two writings of one name share.
 * @param {string} name
 */
export function fold(name) {
  const shown = name.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, '').normalize('NFC').replace(SELECTORS, '');
  return Array.from(shown, (char) => table.get(char) ?? char).join('').normalize('NFC');
}
