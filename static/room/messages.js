// The log of messages: a stretch of the room in groups by author and day, more fetched on the way, the view held where the reader is.
import { byId } from '../shared/dom.js';
import { messageItem, showLine, showMessage, showQuote } from './message.js';
import { fold } from '../shared/names.js';

/** Messages of one author within this time stand together. */
const GROUP = 5 * 60_000;
/** So near to the end counts as at the end. */
const NEAR = 48;
/** From so far on the next messages are fetched. */
const AHEAD = 600;
const PAGE = 50;
/** So many on each side of a message that is far from what is there. */
const AROUND = 30;
const LINE_FROM_TOP = 56;
/** More than these are not kept in the page while the reader is at the end; elsewhere, twice as many. */
const KEPT = 600;

/** Tells by `list` that other messages are shown than before, and by `view` that others may be on the screen. */
export class Messages extends EventTarget {
  #known;
  #me;
  #scroller = byId('scroller');
  #list = byId('messages');
  #down = byId('down');
  #hasOlder = false;
  /** Whether the stretch ends before the newest message, so that what is posted is not part of it. */
  #hasNewer = false;
  #loading;
  /** The ids of those that were posted while something is fetched. */
  #arrived = [];
  #isAtEnd = true;
  #lastTop = 0;
  /** The ids of messages by others that came while the reader is elsewhere. */
  #missed = new Set();
  /** What is new comes after this id, and begins with this message. */
  #lineAfter;
  #lineAt;

  constructor(client, known) {
    super();
    this.#known = known;
    this.#me = fold(client.username);
    known.addEventListener('change', ({ detail }) => this.#changed(detail));
    client.addEventListener('message_history', ({ detail }) => {
      this.#replace(known.add(detail.messages), { hasOlder: detail.has_more });
    });
    client.addEventListener('chat_message', ({ detail }) => {
      this.#posted(...known.add([detail.message]));
    });
    client.addEventListener('message_deleted', ({ detail }) => this.#missed.delete(detail.message_id) && this.#showDown());
    client.addEventListener('reset', () => this.#replace([]));
    client.addEventListener('state', ({ detail }) => detail.name === 'connected' && this.#loadAhead());
    this.#scroller.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.#down.addEventListener('click', () => this.toEnd());
    // A keyboard that comes up, or a growing field, must not hide the newest message.
    new ResizeObserver(() => {
      this.#hold();
      this.#tell('view');
    }).observe(this.#scroller);
  }

  get isEmpty() {
    return !this.#list.children.length;
  }

  get items() {
    return [...this.#list.children];
  }

  item(id) {
    return this.#list.querySelector(`:scope > [data-id="${id}"]`);
  }

  /** The last message up to `id`, if it is within the stretch. */
  upTo(id) {
    const { children } = this.#list;
    if (this.#hasNewer && idOf(this.#list.lastElementChild) <= id) return undefined;
    let [from, to] = [0, children.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (idOf(children[middle]) <= id) from = middle + 1;
      else to = middle;
    }
    return children[from - 1];
  }

  /** The id of the last message that is on the screen down to its end. */
  get lastOnScreen() {
    const { bottom } = this.#scroller.getBoundingClientRect();
    const last = this.items.findLast((item) => item.getBoundingClientRect().bottom <= bottom + 1);
    return last && this.isOnScreen(idOf(last)) ? idOf(last) : undefined;
  }

  /** Whether a message is on the screen down to its end. */
  isOnScreen(id) {
    const [end, view] = [this.item(id)?.getBoundingClientRect().bottom, this.#scroller.getBoundingClientRect()];
    return end > view.top && end <= view.bottom + 1;
  }

  /** Where the reader is: at the end, or at the topmost message in view, and how far that is from the top. */
  get place() {
    if (this.#isAtEnd || this.isEmpty) return { isEnd: true };
    const item = this.#topmost();
    return { id: idOf(item), offset: item.getBoundingClientRect().top - this.#scroller.getBoundingClientRect().top };
  }

  /** To the newest message. */
  async toEnd() {
    if (this.#hasNewer) await this.#load([{ limit: PAGE }], (page) => this.#replace(page.messages, { hasOlder: page.has_more }));
    this.#isAtEnd = !this.#hasNewer;
    this.#hold();
  }

  /** Something below the messages has changed its height. */
  settle() {
    this.#hold();
  }

  /** To a message, wherever in the room it is; `offset` from the top. Whether it is there; undefined if that can't be told now. */
  async jump(id, offset) {
    const isLoaded = this.item(id) ? true : await this.#loadAround(id, true);
    // The reader has gone elsewhere meanwhile.
    if (isLoaded === false) return true;
    if (!isLoaded) return undefined;
    const item = this.item(id);
    if (!item) return false;
    this.#isAtEnd = false;
    const [view, box] = [this.#scroller.getBoundingClientRect(), item.getBoundingClientRect()];
    this.#scroller.scrollTop += box.top - view.top - (offset ?? Math.max(0, (view.height - box.height) / 3));
    this.#scrolled();
    return true;
  }

  /** Draws a line above the first message by others after `id`, as soon as it is within the stretch; goes there if `isSought`. */
  async drawLine(id, isSought) {
    const before = this.item(this.#lineAt);
    [this.#lineAfter, this.#lineAt] = [id, undefined];
    if (before) this.#regroup(before, 1);
    this.#findLine();
    if (!isSought) return;
    if (!this.#lineAt && this.#isBefore(id) && (await this.#loadAround(id)) !== true) return;
    // Nothing is new: what comes from here on is no news to who looks.
    if (this.#lineAt) await this.jump(this.#lineAt, LINE_FROM_TOP);
    else this.#lineAfter = undefined;
  }

  /** Does something that changes heights, and holds what is in view where it is. */
  hold(act) {
    const item = this.#isAtEnd || this.isEmpty ? undefined : this.#topmost();
    const before = item?.getBoundingClientRect().top;
    act();
    if (item) this.#scroller.scrollTop += item.getBoundingClientRect().top - before;
    else this.#hold();
  }

  #hold() {
    if (!this.#isAtEnd) return;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#lastTop = this.#scroller.scrollTop;
    this.#missed.clear();
    this.#showDown();
  }

  #topmost() {
    const { top } = this.#scroller.getBoundingClientRect();
    return this.items.find((each) => each.getBoundingClientRect().bottom > top) ?? this.#list.lastElementChild;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    // Only the reader moves up; a view that shrinks or messages that grow leave the end behind as well.
    if (scrollHeight - clientHeight - scrollTop < NEAR) this.#isAtEnd = !this.#hasNewer;
    else if (scrollTop < this.#lastTop) this.#isAtEnd = false;
    this.#lastTop = scrollTop;
    if (this.#isAtEnd) this.#missed.clear();
    this.#showDown();
    this.#loadAhead();
    this.#tell('view');
  }

  #showDown() {
    // Not the field: on a phone that would bring up the keyboard.
    if (this.#isAtEnd && this.#down === document.activeElement) this.#scroller.focus({ preventScroll: true });
    this.#down.hidden = this.#isAtEnd;
    const count = this.#missed.size;
    this.#down.textContent = count ? `${count} new message${count > 1 ? 's' : ''} ↓` : 'To the newest ↓';
  }

  #tell(what) {
    if (what === 'list') this.#findLine();
    this.dispatchEvent(new Event(what));
  }

  /** Whether what comes after `id` begins before the stretch. */
  #isBefore(id) {
    return this.#hasOlder && idOf(this.#list.firstElementChild) > id;
  }

  #findLine() {
    if (this.#lineAfter === undefined || this.#lineAt || this.#isBefore(this.#lineAfter)) return;
    const isNew = (item) => idOf(item) > this.#lineAfter && item.matches('.other:not(.deleted)');
    const first = this.items.find(isNew);
    if (!first) return;
    this.#lineAt = idOf(first);
    this.hold(() => this.#regroup(first, 1));
  }

  #changed(message) {
    const item = this.item(message.id);
    // Also those that are not sent yet.
    const quotes = this.#scroller.querySelectorAll(`.quote[data-quoted="${message.id}"]`);
    if (!item && !quotes.length) return;
    this.hold(() => {
      if (item) showMessage(item, message);
      quotes.forEach((link) => showQuote(link, message));
    });
  }

  #items(messages) {
    return messages.map((message) => {
      const item = messageItem(message, this.#me);
      const quoted = message.reply_to && this.#known.quoted(message.reply_to);
      if (quoted) showQuote(item.querySelector('.quote'), quoted);
      return item;
    });
  }

  #replace(messages, { hasOlder = false, hasNewer = false } = {}) {
    this.#loading = undefined;
    this.#quietly(() => this.#list.replaceChildren(...this.#items(messages)));
    this.#regroup(this.#list.firstElementChild, messages.length);
    this.#hasNewer = hasNewer;
    this.#setOlder(hasOlder);
    this.#isAtEnd = !hasNewer;
    this.#hold();
    this.#tell('list');
    this.#loadAhead();
  }

  #posted(message) {
    if (idOf(this.#list.lastElementChild) >= message.id) return;
    if (this.#loading) this.#arrived.push(message.id);
    if (!this.#hasNewer) this.#append(message);
    this.#trim();
    if (this.#isAtEnd) {
      this.#hold();
      this.#tell('view');
    } else if (!message.deleted_at && fold(message.username) !== this.#me) {
      this.#missed.add(message.id);
      this.#showDown();
    }
  }

  #append(message) {
    if (idOf(this.#list.lastElementChild) >= message.id) return;
    const [item] = this.#items([message]);
    this.#list.append(item);
    this.#regroup(item, 1);
    this.#setOlder(this.#hasOlder);
    this.#tell('list');
  }

  /** Lets go of a part of a long stretch, on the side that is far from the reader: it is fetched again where it is wanted. */
  #trim() {
    if (this.#loading) return;
    const { length } = this.#list.children;
    if (length > (this.#isAtEnd ? KEPT : 2 * KEPT)) {
      const isFarDown = this.#isAtEnd || this.items.indexOf(this.#topmost()) > length / 2;
      // Many at a time, so that this is not done for every message.
      const far = isFarDown ? this.items.slice(0, KEPT / 2) : this.items.slice(-KEPT / 2);
      this.hold(() => {
        this.#quietly(() => far.forEach((item) => item.remove()));
        this.#regroup(this.#list.firstElementChild, 1);
        if (isFarDown) this.#setOlder(true);
        else this.#hasNewer = true;
      });
    }
    // Those that were posted while the reader is far up, or that were shown before a jump.
    if (this.#known.size > 4 * KEPT) {
      const quoted = [...document.querySelectorAll('[data-quoted]')].map(({ dataset }) => Number(dataset.quoted));
      this.#known.keep(new Set([...this.items.map(idOf), ...quoted]));
    }
  }

  #loadAhead() {
    if (this.#loading || this.isEmpty) return;
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    if (this.#hasOlder && scrollTop < AHEAD) this.#loadOlder();
    else if (this.#hasNewer && scrollHeight - clientHeight - scrollTop < AHEAD) this.#loadNewer();
  }

  /** Puts a page of older messages before the others; what is in view stays where it is. */
  #loadOlder() {
    const first = this.#list.firstElementChild;
    return this.#load([{ before: idOf(first), limit: PAGE }], (page) => {
      const top = first.getBoundingClientRect().top;
      this.#quietly(() => this.#list.prepend(...this.#items(page.messages)));
      this.#regroup(this.#list.firstElementChild, page.messages.length + 1);
      this.#setOlder(page.has_more);
      this.#scroller.scrollTop += first.getBoundingClientRect().top - top;
    });
  }

  #loadNewer() {
    const last = this.#list.lastElementChild;
    return this.#load([{ after: idOf(last), limit: PAGE }], (page) => {
      this.#quietly(() => this.#list.append(...this.#items(page.messages)));
      this.#regroup(last.nextElementSibling, page.messages.length);
      this.#hasNewer = page.has_more;
    });
  }

  /** Shows the stretch of the room around a message instead of what is shown; if `isExact`, only if the message is there. */
  #loadAround(id, isExact = false) {
    const queries = [{ before: id + 1, limit: AROUND }, { after: id, limit: AROUND }];
    return this.#load(queries, (older, newer) => {
      const messages = [...older.messages, ...newer.messages];
      if (isExact ? older.messages.at(-1)?.id !== id : !messages.length) return;
      this.#replace(messages, { hasOlder: older.has_more, hasNewer: newer.has_more });
    });
  }

  /** Fetches pages, shows them, and what was posted meanwhile behind them. False if something else was wanted meanwhile, undefined if it failed. */
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
    if (!this.#hasNewer && this.#arrived.length) {
      this.#arrived.forEach((id) => this.#append(this.#known.get(id)));
      this.#hold();
    }
    this.#trim();
    this.#tell('list');
    this.#tell('view');
    this.#loadAhead();
    return true;
  }

  /** Changes what is there without a word: a reader is told what is new, not what is older. Should the focus go with it, the log has it. */
  #quietly(act) {
    const hadFocus = this.#list.contains(document.activeElement);
    this.#scroller.setAttribute('aria-busy', 'true');
    act();
    if (hadFocus && !this.#list.contains(document.activeElement)) this.#scroller.focus({ preventScroll: true });
    requestAnimationFrame(() => this.#scroller.removeAttribute('aria-busy'));
  }

  #setOlder(hasOlder) {
    this.#hasOlder = hasOlder;
    const beginning = byId('beginning');
    beginning.hidden = hasOlder && !this.isEmpty;
    beginning.textContent = this.isEmpty ? 'Nobody has written here yet. Say hello!' : 'This is where the room begins.';
    beginning.classList.toggle('empty', this.isEmpty);
  }

  /** Makes `count` items from `item` on show their author and day where these differ from the item before, and what is new. */
  #regroup(item, count) {
    for (let left = count; item && left > 0; item = item.nextElementSibling, left -= 1) {
      const before = item.previousElementSibling;
      const [time, earlier] = [item, before].map((each) => new Date(each?.dataset.time ?? 0));
      const isNewDay = time.toDateString() !== earlier.toDateString();
      item.querySelector('.day').hidden = !isNewDay;
      const isNew = idOf(item) === this.#lineAt;
      showLine(item, isNew);
      const goesOn = !isNewDay && !isNew && item.dataset.author === before?.dataset.author && time - earlier < GROUP;
      item.classList.toggle('first', !goesOn);
    }
  }
}

const idOf = (item) => Number(item?.dataset.id ?? 0);
