// Web addresses in a text.

/** Between backticks, or from a fence on; the same number of them ends it. What is code is shown as it is. */
const CODE = /(?<!`)(`+)(?!`)[^]*?(?<!`)\1(?!`)|^```[^]*/gm;
/** Begins an address; what is before belongs to no word. Not at what CJK texts write without a space after it. */
const ADDRESS = /(?<![A-Za-z0-9_])(?:https?:\/\/|www\.(?=[\p{L}\p{N}-]+\.[\p{L}\p{N}])|mailto:(?=[^\s<>"@]+@[\p{L}\p{N}]))[^\s<>"`\p{Cc}\u3001\u3002\u3008-\u3011\uFF01\uFF08\uFF09\uFF0C\uFF1A\uFF1B\uFF1F]+/giu;
const CLOSING = new Map([[')', '('], [']', '['], ['}', '{']]);
/** The characters that end a sentence or a quotation rather than an address. */
const TRAILING = /[.,;:!?'*_~…’”»]/u;

/** @typedef {{ text: string, href?: string }} Piece */

/**
 * A text in pieces; those that are addresses have an `href`.
 * @param {string} text
 * @returns {Piece[]}
 */
export function pieces(text) {
  /** @type {Piece[]} */
  const found = [];
  let end = 0;
  for (const { 0: code, index } of text.matchAll(CODE)) {
    addLinks(found, text.slice(end, index));
    add(found, code);
    end = index + code.length;
  }
  addLinks(found, text.slice(end));
  return found;
}

/**
 * @param {Piece[]} found
 * @param {string} text
 */
function addLinks(found, text) {
  let end = 0;
  for (const { 0: run, index } of text.matchAll(ADDRESS)) {
    const address = trimmed(run);
    const href = hrefOf(address);
    if (!href) continue;
    add(found, text.slice(end, index));
    found.push({ text: address, href });
    end = index + address.length;
  }
  add(found, text.slice(end));
}

/**
 * @param {Piece[]} found
 * @param {string} text
 */
function add(found, text) {
  const last = found.at(-1);
  if (last && !last.href) last.text += text;
  else if (text) found.push({ text });
}

/**
 * Without what belongs to the sentence around it: marks at the end, and brackets that are not opened within it.
 * @param {string} run
 */
function trimmed(run) {
  /** The number of brackets that are closed and not opened, by the one that opens. @type {Map<string, number>} */
  const open = new Map();
  for (const char of run) {
    const opening = CLOSING.get(char) ?? char;
    if (opening !== char) open.set(opening, (open.get(opening) ?? 0) + 1);
    else if ('([{'.includes(char)) open.set(char, (open.get(char) ?? 0) - 1);
  }
  let end = run.length;
  for (; end > 0; end -= 1) {
    const opening = CLOSING.get(run[end - 1]);
    const excess = opening ? open.get(opening) ?? 0 : 0;
    if (opening && excess > 0) open.set(opening, excess - 1);
    else if (opening || !TRAILING.test(run[end - 1])) break;
  }
  return run.slice(0, end);
}

/** @param {string} address */
function hrefOf(address) {
  const whole = /^www\./i.test(address) ? `http://${address}` : address;
  try {
    const { protocol, hostname, pathname } = new URL(whole);
    if (protocol === 'mailto:') return pathname.includes('@') ? whole : undefined;
    return hostname ? whole : undefined;
  } catch {
    return undefined;
  }
}
