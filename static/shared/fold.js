// How names are compared: case-folded as the server does it, by the table that is made from the server's own rule.
import { FOLDED } from './folded.js';

/** What a character becomes, where that is not itself. @type {Map<string, string>} */
const table = new Map();
for (const [first, last, step, to] of FOLDED) {
  for (let code = first; code <= last; code += step) {
    table.set(String.fromCodePoint(code), typeof to === 'string' ? to : String.fromCodePoint(code + to));
  }
}

/** What picks the look of a character, or makes one picture of several emoji, tells no two names apart. */
const SELECTORS = /(?<=\p{Extended_Pictographic}[\p{Variation_Selector}\p{Emoji_Modifier}]*)\u200D(?=\p{Extended_Pictographic})|\p{Variation_Selector}/gu;

/**
 * What two writings of one name have in common.
 * @param {string} name
 */
export function fold(name) {
  const shown = name.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, '').normalize('NFC').replace(SELECTORS, '');
  return Array.from(shown, (char) => table.get(char) ?? char).join('').normalize('NFC');
}
