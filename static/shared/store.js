// Values kept in the browser's storage, which may be full or forbidden: then they live as long as the page.

/** @typedef {'localStorage' | 'sessionStorage'} Storage by name: where it is forbidden, even to look at it throws */

/** The texts that the browser did not take, by key. @type {Record<Storage, Map<string, string>>} */
const untaken = { localStorage: new Map(), sessionStorage: new Map() };

/**
 * @param {Storage} storage
 * @param {string} key
 * @returns {any} undefined if there is nothing
 */
export function load(storage, key) {
  try {
    return JSON.parse(untaken[storage].get(key) ?? globalThis[storage].getItem(key) ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {Storage} storage
 * @param {string} key
 * @param {unknown} value undefined to keep nothing
 */
export function save(storage, key, value) {
  const text = JSON.stringify(value);
  untaken[storage].delete(key);
  try {
    if (text === undefined) globalThis[storage].removeItem(key);
    else globalThis[storage].setItem(key, text);
  } catch {
    if (text !== undefined) untaken[storage].set(key, text);
  }
}

/** @param {Storage} storage */
export function keys(storage) {
  const all = [...untaken[storage].keys()];
  try {
    all.push(...Object.keys(globalThis[storage]));
  } catch {
    // Nothing is there but what lives with the page.
  }
  return [...new Set(all)];
}
