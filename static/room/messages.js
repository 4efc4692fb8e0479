// The log of messages: what the window holds and the log shows, more fetched on the way, what is posted taken in by the frame.
/** @import { Client } from '../client/client.js' */
/** @import { Messages as Page } from '../client/events.js' */
/** @import { Known, Shown } from './known.js' */
/** @import { Entry } from './window.js' */
import { Emitter } from '../client/emitter.js';
import { byId } from '../shared/dom.js';
import { fold } from '../shared/names.js';
import { Log } from './log.js';
import { Scroll } from './scroll.js';
import { Window } from './window.js';

/** From so far on the next messages are fetched, in pixels. */
const AHEAD = 600;
const PAGE = 50;
/** So many on each side of a message that is far from what is there. */
const AROUND = 30;
const LINE_FROM_TOP = 56;
/** More than these are not kept in the page while the reader is at the end; elsewhere, twice as many. */
const KEPT = 600;
/** So many of those that are posted are taken in by one frame: more would hold up the page. */
const BY_FRAME = 15;

/** @typedef {{ before?: number, after?: number, limit: number }} Query */

/**
 * Tells by `list` that other messages are shown than before, and by `view` that others may be on the screen.
 * @extends {Emitter<{ list: undefined, view: undefined }>}
 */
export class Messages extends Emitter {
  #known;
  #me;
  #scroller = byId('scroller');
  #down = byId('down');
  #window = new Window();
  #scroll = new Scroll();
  #log;
  /** The page that is being fetched. @type {object | undefined} */
  #loading;
  /** Those that were posted and are not taken in yet, and those that were taken in while something is fetched. @type {Shown[]} */
  #posted = [];
  /** @type {number[]} */
  #arrived = [];
  #isDue = false;
  /** The ids of messages by others that came while the reader is elsewhere. @type {Set<number>} */
  #missed = new Set();

  /**
   * @param {Client} client
   * @param {Known} known
   */
  constructor(client, known) {
    super();
    this.#known = known;
    this.#me = fold(client.username ?? '');
    this.#log = new Log(this.#me, (id) => known.quoted(id));
    known.addEventListener('change', ({ detail }) => this.#changed(detail));
    client.addEventListener('message_history', ({ detail }) => {
      this.#replace(known.add(detail.messages), { hasOlder: detail.has_more });
    });
    client.addEventListener('chat_message', ({ detail }) => {
      this.#posted.push(...known.add([detail.message]));
      this.#takeInSoon();
    });
    client.addEventListener('message_deleted', ({ detail }) => {
      this.#window.forget(detail.message_id);
      if (this.#missed.delete(detail.message_id)) this.#showDown();
    });
    client.addEventListener('reset', () => {
      this.#posted = [];
      this.#replace([]);
    });
    client.addEventListener('state', ({ detail }) => detail.name === 'connected' && this.#loadAhead());
    this.#scroller.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.#down.addEventListener('click', () => this.toEnd());
    // A keyboard that comes up, or a growing field, must not hide the newest message.
    let width = this.#scroller.clientWidth;
    new ResizeObserver(() => {
      if (width !== this.#scroller.clientWidth) this.#log.unsettleAll();
      width = this.#scroller.clientWidth;
      this.settle();
      this.tell('view');
    }).observe(this.#scroller);
  }

  get isEmpty() {
    return !this.#window.length;
  }

  get items() {
    return this.#log.items;
  }

  /** @param {number} id */
  item(id) {
    return this.#log.item(id);
  }

  /** The item of the last message up to `id`, if it is within the stretch. @param {number} id */
  upTo(id) {
    return this.#log.item(this.#window.upTo(id));
  }

  /** The id of the last message that is on the screen down to its end. */
  get lastOnScreen() {
    const item = this.#scroll.last;
    return item && Number(item.dataset.id);
  }

  /** A message is on the screen down to its end. @param {number} id */
  isOnScreen(id) {
    const item = this.item(id);
    return Boolean(item && this.#scroll.has(item));
  }

  /** The place of the reader: the end, or the topmost message in view and its distance from the top. */
  get place() {
    const item = this.#scroll.isAtEnd ? undefined : this.#scroll.topmost;
    return item ? { isEnd: false, id: Number(item.dataset.id), offset: this.#scroll.offset(item) } : { isEnd: true };
  }

  /** To the newest message. */
  async toEnd() {
    if (this.#window.hasNewer) await this.#load([{ limit: PAGE }], (page) => this.#replace(page.messages, { hasOlder: page.has_more }));
    this.#takeIn(Infinity);
    this.#scroll.isAtEnd = !this.#window.hasNewer;
    this.settle();
  }

  /** Something has changed its height: who is at the end stays there. */
  settle() {
    this.#scroll.settle();
    if (this.#scroll.isAtEnd) this.#missed.clear();
    this.#showDown();
  }

  /**
   * Changes items, and holds what is in view where it is.
   * @param {HTMLElement[]} items
   * @param {() => void} act
   */
  change(items, act) {
    for (const item of items) this.#log.unsettle(item);
    this.#scroll.hold(act);
  }

  /**
   * To a message, wherever in the room it is; `offset` from the top. Resolves to true if it is there, to undefined if
   * that can't be told now.
   * @param {number} id
   * @param {number} [offset]
   */
  async jump(id, offset) {
    this.#takeIn(Infinity);
    const isLoaded = this.item(id) ? true : await this.#loadAround(id, true);
    // The reader has gone elsewhere meanwhile.
    if (isLoaded === false) return true;
    if (!isLoaded) return undefined;
    const item = this.item(id);
    if (!item) return false;
    this.#scroll.show(item, offset);
    this.#scrolled();
    return true;
  }

  /**
   * Draws a line above the first message by others after `id`, as soon as it is within the stretch; goes there if `isSought`.
   * @param {number} id
   * @param {boolean} [isSought]
   */
  async drawLine(id, isSought) {
    this.#takeIn(Infinity);
    this.#place(this.#window.drawLine(id));
    if (!isSought) return;
    if (!this.#window.lineAt && this.#window.isBefore(id) && (await this.#loadAround(id)) !== true) return;
    // Nothing is new: what comes from here on is no news to who looks.
    if (this.#window.lineAt) await this.jump(this.#window.lineAt, LINE_FROM_TOP);
    else this.#window.drawLine(undefined);
  }

  #scrolled() {
    this.#scroll.moved(!this.#window.hasNewer);
    if (this.#scroll.isAtEnd) this.#missed.clear();
    this.#showDown();
    this.#loadAhead();
    this.tell('view');
  }

  #showDown() {
    const { isAtEnd } = this.#scroll;
    // Not the field: on a phone that would bring up the keyboard.
    if (isAtEnd && this.#down === document.activeElement) this.#scroller.focus({ preventScroll: true });
    const count = this.#missed.size;
    const words = count ? `${count} new message${count > 1 ? 's' : ''} ↓` : 'To the newest ↓';
    if (this.#down.hidden !== isAtEnd) this.#down.hidden = isAtEnd;
    if (this.#down.textContent !== words) this.#down.textContent = words;
  }

  /** Other messages are shown than before. */
  #listed() {
    this.#place(this.#window.findLine());
    this.tell('list');
  }

  /** Has messages look as the window says. @param {number[]} ids */
  #show(ids) {
    for (const id of ids) {
      const look = this.#window.look(id);
      if (look) this.#log.place(id, look);
    }
  }

  /** The same, of those that are in view already. @param {number[]} ids */
  #place(ids) {
    if (ids.length) this.#scroll.hold(() => this.#show(ids));
  }

  /** @param {Shown} message */
  #changed(message) {
    if (!this.item(message.id) && !this.#log.quotesOf(message.id).length) return;
    this.#scroll.hold(() => this.#log.show(message));
  }

  /** @param {Shown[]} messages */
  #entries(messages) {
    return messages.map((message) => {
      const author = fold(message.username);
      const isNews = author !== this.#me && !message.deleted_at;
      return /** @type {Entry} */ ({ id: message.id, author, time: Date.parse(message.timestamp), isNews });
    });
  }

  /**
   * @param {Shown[]} messages
   * @param {{ hasOlder?: boolean, hasNewer?: boolean }} [around]
   */
  #replace(messages, around = {}) {
    this.#loading = undefined;
    const changed = this.#window.replace(this.#entries(messages), around);
    this.#log.replace(messages);
    this.#show(changed);
    this.#showBeginning();
    this.#scroll.isAtEnd = !this.#window.hasNewer;
    this.settle();
    this.#listed();
    this.#loadAhead();
  }

  /** Takes in posts at once, but only so much by a frame; in a hidden tab there is none. */
  #takeInSoon() {
    if (this.#isDue || !this.#posted.length) return;
    this.#takeIn(BY_FRAME);
    this.#isDue = true;
    const next = () => {
      this.#isDue = false;
      this.#takeInSoon();
    };
    if (document.hidden) setTimeout(next);
    else requestAnimationFrame(next);
  }

  /** @param {number} count */
  #takeIn(count) {
    // As they are now: what is posted may be changed before it is taken in.
    const posted = this.#posted.splice(0, count).filter(({ id }) => id > this.#window.last).map((message) => this.#known.get(message.id) ?? message);
    if (!posted.length) return;
    if (this.#loading) this.#arrived.push(...posted.map(({ id }) => id));
    if (!this.#window.hasNewer) this.#append(posted);
    this.#trim();
    if (!this.#scroll.isAtEnd) {
      for (const { id, isNews } of this.#entries(posted)) if (isNews) this.#missed.add(id);
    }
    this.settle();
    if (this.#scroll.isAtEnd) this.tell('view');
  }

  /** @param {Shown[]} messages */
  #append(messages) {
    const changed = this.#window.append(this.#entries(messages));
    this.#log.append(messages, { isNews: true });
    this.#show(changed);
    this.#showBeginning();
    this.#listed();
  }

  /** Lets go of a part of a long stretch, on the side that is far from the reader: it is fetched again where it is wanted. */
  #trim() {
    if (this.#loading) return;
    const { length } = this.#window;
    const { isAtEnd } = this.#scroll;
    if (length > (isAtEnd ? KEPT : 2 * KEPT)) {
      const top = Number(this.#scroll.topmost?.dataset.id);
      // Many at a time, so that this is not done for every message.
      if (isAtEnd || this.#window.indexOf(top) > length / 2) this.#dropFirst();
      else this.#scroll.hold(() => this.#log.remove(this.#window.dropLast(KEPT / 2)));
    }
    // Those that were posted while the reader is far up, or that were shown before a jump.
    if (this.#known.size > 4 * KEPT) {
      const quoted = [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-quoted]'))];
      const unseen = this.#posted.map(({ id }) => id);
      this.#known.keep(new Set([...this.#window.ids, ...unseen, ...quoted.map(({ dataset }) => Number(dataset.quoted))]));
    }
  }

  #dropFirst() {
    this.#scroll.hold(() => {
      const { dropped, changed } = this.#window.dropFirst(KEPT / 2);
      this.#log.remove(dropped);
      this.#show(changed);
      this.#showBeginning();
    });
  }

  #loadAhead() {
    if (this.#loading || this.isEmpty) return;
    const { hasOlder, hasNewer } = this.#window;
    if (!hasOlder && !hasNewer) return;
    const { toBeginning, toEnd } = this.#scroll.distance;
    if (hasOlder && toBeginning < AHEAD) this.#loadOlder();
    else if (hasNewer && toEnd < AHEAD) this.#loadNewer();
  }

  /** Puts a page of older messages before the others; what is in view stays where it is. */
  #loadOlder() {
    return this.#load([{ before: this.#window.first, limit: PAGE }], (page) => {
      const held = this.items[0];
      this.#scroll.hold(() => {
        const changed = this.#window.prepend(this.#entries(page.messages), page.has_more);
        this.#log.prepend(page.messages);
        this.#show(changed);
        this.#showBeginning();
      }, held);
    });
  }

  #loadNewer() {
    return this.#load([{ after: this.#window.last, limit: PAGE }], (page) => {
      const changed = this.#window.append(this.#entries(page.messages), page.has_more);
      this.#log.append(page.messages, { isNews: false });
      this.#show(changed);
    });
  }

  /**
   * Shows the stretch of the room around a message instead of what is shown; if `isExact`, only if the message is there.
   * @param {number} id
   * @param {boolean} [isExact]
   */
  #loadAround(id, isExact = false) {
    const queries = [{ before: id + 1, limit: AROUND }, { after: id, limit: AROUND }];
    return this.#load(queries, (older, newer) => {
      const messages = [...older.messages, ...newer.messages];
      if (isExact ? older.messages.at(-1)?.id !== id : !messages.length) return;
      this.#replace(messages, { hasOlder: older.has_more, hasNewer: newer.has_more });
    });
  }

  /**
   * Fetches pages, shows them, and what was posted meanwhile behind them. Resolves to false if something else was wanted
   * meanwhile, to undefined if it failed.
   * @param {Query[]} queries
   * @param {(...pages: (Page & { messages: Shown[] })[]) => void} show
   */
  async #load(queries, show) {
    const loading = {};
    this.#loading = loading;
    this.#arrived = [];
    let pages;
    try {
      pages = await Promise.all(queries.map((query) => this.#known.page(query)));
    } catch {
      // Asked again on the next scroll, or once the line is up again.
      if (this.#loading === loading) this.#loading = undefined;
      return undefined;
    }
    if (this.#loading !== loading) return false;
    this.#loading = undefined;
    show(...pages);
    const arrived = this.#arrived.filter((id) => id > this.#window.last).map((id) => this.#known.get(id));
    if (!this.#window.hasNewer && arrived.length) {
      this.#append(arrived.filter((message) => message !== undefined));
      this.settle();
    }
    this.#trim();
    this.#listed();
    this.tell('view');
    this.#loadAhead();
    return true;
  }

  #showBeginning() {
    const beginning = byId('beginning');
    beginning.hidden = this.#window.hasOlder && !this.isEmpty;
    beginning.textContent = this.isEmpty ? 'Nobody has written here yet. Say hello!' : 'This is where the room begins.';
    beginning.classList.toggle('empty', this.isEmpty);
  }
}
