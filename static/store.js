// Values kept in the browser's storage, which may be full or forbidden: then they live as long as the page.

/** `storage` by name: where it is forbidden, even to look at it throws. */
export function load(storage, key) {
  try {
    return JSON.parse(globalThis[storage].getItem(key)) ?? undefined;
  } catch {
    return undefined;
  }
}

export function save(storage, key, value) {
  try {
    if (value === undefined) globalThis[storage].removeItem(key);
    else globalThis[storage].setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}
