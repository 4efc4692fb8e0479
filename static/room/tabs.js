// Which rooms the tabs of a browser have open, as their leader knows it: what is to be followed, and from where.

/** The tabs, each with its room, and the rooms, each with its cursor. */
export class Tabs {
  /** @type {Map<string, string>} */
  #rooms = new Map();
  /** @type {Map<string, number | undefined>} */
  #cursors = new Map();

  /** The rooms to follow, with their cursors. */
  get rooms() {
    return [...this.#cursors];
  }

  /** The tabs that are known. */
  get open() {
    return [...this.#rooms.keys()];
  }

  /** @param {string} room */
  cursor(room) {
    return this.#cursors.get(room);
  }

  /**
   * Returns true if a tab's room was not followed yet; it is from `cursor` on.
   * @param {string} tab
   * @param {string} room
   * @param {number | undefined} cursor
   */
  add(tab, room, cursor) {
    this.#rooms.set(tab, room);
    if (this.#cursors.has(room)) return false;
    this.#cursors.set(room, cursor);
    return true;
  }

  /**
   * @param {string} room
   * @param {number | undefined} cursor
   */
  move(room, cursor) {
    // What comes late of a room that nobody has open is of no interest.
    if (this.#cursors.has(room)) this.#cursors.set(room, cursor);
  }

  /**
   * Forgets all tabs but these; returns true if a room is no longer to be followed.
   * @param {(tab: string) => boolean} isThere
   */
  keep(isThere) {
    for (const tab of this.#rooms.keys()) if (!isThere(tab)) this.#rooms.delete(tab);
    const open = new Set(this.#rooms.values());
    const gone = [...this.#cursors.keys()].filter((room) => !open.has(room));
    for (const room of gone) this.#cursors.delete(room);
    return gone.length > 0;
  }
}
