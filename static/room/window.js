// The stretch of the room that is shown: which messages, how they stand in groups and days, and where what is new begins.

/** Messages of one author within so long of the last stand together, in milliseconds; */
const PAUSE = 5 * 60_000;
/** but only for so long is one time said for all of them. */
const GROUP = 10 * 60_000;

/**
 * `author` is folded; `isNews` if somebody else wrote it and it is not deleted.
 * @typedef {{ id: number, author: string, time: number, isNews: boolean }} Entry
 */
/**
 * The look of an entry below the one before: at the beginning of a day or of what is new, and first of its group, which shows author and time.
 * @typedef {{ isNewDay: boolean, isNew: boolean, isFirst: boolean }} Look
 */
/** @typedef {Entry & Look & { groupTime: number }} Placed */

export class Window {
  /** @type {Placed[]} */
  #entries = [];
  hasOlder = false;
  /** The stretch ends before the newest message, so that what is posted is not part of it. */
  hasNewer = false;
  /** The id after which all is new, and the id of the first such message by others. @type {number | undefined} */
  #lineAfter;
  /** @type {number | undefined} */
  lineAt;

  get length() {
    return this.#entries.length;
  }

  get first() {
    return this.#entries[0]?.id ?? 0;
  }

  get last() {
    return this.#entries.at(-1)?.id ?? 0;
  }

  get ids() {
    return this.#entries.map(({ id }) => id);
  }

  /** @param {number} id */
  look(id) {
    const entry = this.#entries[this.#after(id) - 1];
    return entry?.id === id ? entry : undefined;
  }

  /** The number of entries up to `id`. @param {number} id */
  #after(id) {
    let [from, to] = [0, this.#entries.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#entries[middle].id <= id) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /**
   * The last message up to `id`, if it is within the stretch.
   * @param {number} id
   */
  upTo(id) {
    if (this.hasNewer && this.last <= id) return undefined;
    return this.#entries[this.#after(id) - 1]?.id;
  }

  /** @param {number} id */
  indexOf(id) {
    return this.#after(id) - 1;
  }

  /**
   * Shows other entries instead. Returns the ids of those that look otherwise than before, as the others below do.
   * @param {Entry[]} entries
   * @param {{ hasOlder?: boolean, hasNewer?: boolean }} [around]
   */
  replace(entries, { hasOlder = false, hasNewer = false } = {}) {
    this.#entries = entries.map(placed);
    [this.hasOlder, this.hasNewer] = [hasOlder, hasNewer];
    return this.#settle(0, entries.length);
  }

  /**
   * @param {Entry[]} entries
   * @param {boolean} hasOlder
   */
  prepend(entries, hasOlder) {
    this.#entries.unshift(...entries.map(placed));
    this.hasOlder = hasOlder;
    return this.#settle(0, entries.length + 1);
  }

  /**
   * @param {Entry[]} entries
   * @param {boolean} [hasNewer]
   */
  append(entries, hasNewer = this.hasNewer) {
    const from = this.#entries.length;
    this.#entries.push(...entries.map(placed));
    this.hasNewer = hasNewer;
    return this.#settle(from, entries.length);
  }

  /** Lets go of the first `count`. @param {number} count */
  dropFirst(count) {
    const dropped = this.#entries.splice(0, count).map(({ id }) => id);
    this.hasOlder = true;
    return { dropped, changed: this.#settle(0, 1) };
  }

  /** Lets go of the last `count`. @param {number} count */
  dropLast(count) {
    this.hasNewer = true;
    return this.#entries.splice(-count, count).map(({ id }) => id);
  }

  /** A message was deleted: it is no news any more. @param {number} id */
  forget(id) {
    const entry = this.look(id);
    if (entry) entry.isNews = false;
  }

  /** Returns true if what comes after `id` begins before the stretch. @param {number} id */
  isBefore(id) {
    return this.hasOlder && this.first > id;
  }

  /**
   * Draws a line above the first message by others after `id`, as soon as that is within the stretch; nowhere if undefined.
   * @param {number | undefined} id
   */
  drawLine(id) {
    const before = this.lineAt;
    [this.#lineAfter, this.lineAt] = [id, undefined];
    const changed = before === undefined ? [] : this.#settle(this.indexOf(before), 1);
    return [...changed, ...this.findLine()];
  }

  /** Looks again for where the line belongs, after other messages are shown. */
  findLine() {
    const after = this.#lineAfter;
    if (after === undefined || this.lineAt !== undefined || this.isBefore(after)) return [];
    const from = this.#after(after);
    const index = this.#entries.findIndex(({ isNews }, at) => at >= from && isNews);
    if (index < 0) return [];
    this.lineAt = this.#entries[index].id;
    return this.#settle(index, 1);
  }

  /**
   * Places `count` entries from `from` on, and those below for as long as that changes them; returns the changed ids.
   * @param {number} from
   * @param {number} count
   */
  #settle(from, count) {
    const changed = [];
    for (let index = Math.max(from, 0); index < this.#entries.length; index += 1) {
      const entry = this.#entries[index];
      const next = place(entry, this.#entries[index - 1], entry.id === this.lineAt);
      const isSame = ['isNewDay', 'isNew', 'isFirst', 'groupTime'].every((key) => Reflect.get(entry, key) === Reflect.get(next, key));
      if (isSame && index >= from + count) break;
      if (!isSame) changed.push(entry.id);
      Object.assign(entry, next);
    }
    return changed;
  }
}

/**
 * @param {Entry} entry
 * @returns {Placed}
 */
const placed = (entry) => ({ ...entry, isNewDay: false, isNew: false, isFirst: false, groupTime: NaN });

/**
 * @param {Placed} entry
 * @param {Placed | undefined} before
 * @param {boolean} isNew
 */
function place({ author, time }, before, isNew) {
  const isNewDay = !before || new Date(before.time).toDateString() !== new Date(time).toDateString();
  const goesOn = before && !isNewDay && !isNew && before.author === author && time - before.time < PAUSE && time - before.groupTime < GROUP;
  return { isNewDay, isNew, isFirst: !goesOn, groupTime: goesOn ? before.groupTime : time };
}
