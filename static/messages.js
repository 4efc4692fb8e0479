// The log of messages: shown in groups by author and day, older ones fetched on the way up, the view held where the reader is.
import { avatar, byId, linked, make } from './dom.js';
import { fold, hue } from './names.js';
import { load, save } from './store.js';

/** Messages of one author within this time stand together. */
const GROUP = 5 * 60_000;
/** So near to the end counts as at the end. */
const NEAR = 48;
/** From here up older messages are fetched. */
const AHEAD = 600;
/** More than these are not kept in the page while the reader is at the end. */
const KEPT = 600;
/** How many are fetched at most to find the place of before a reload. */
const SOUGHT = 2_000;

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const calendar = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

export class Messages {
  #client;
  #me;
  #place;
  #scroller = byId('scroller');
  #list = byId('messages');
  #down = byId('down');
  #hasOlder = false;
  #fetching;
  #isAtEnd = true;
  #lastTop = 0;
  #missed = 0;
  #placeKey;

  constructor(client) {
    this.#client = client;
    this.#me = fold(client.username);
    this.#placeKey = `parlor:place:${client.room}`;
    this.#place = load('sessionStorage', this.#placeKey);
    client.addEventListener('message_history', ({ detail }) => this.#replace(detail));
    client.addEventListener('chat_message', ({ detail }) => this.#append(detail.message));
    client.addEventListener('reset', () => this.#replace({ messages: [], has_more: false }));
    client.addEventListener('state', ({ detail }) => detail.name === 'connected' && this.#fetchAhead());
    this.#scroller.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.#down.addEventListener('click', () => this.toEnd());
    // A keyboard that comes up, or a growing field, must not hide the newest message.
    new ResizeObserver(() => this.#hold()).observe(this.#scroller);
    addEventListener('pagehide', () => save('sessionStorage', this.#placeKey, this.#currentPlace()));
  }

  /** To the newest message. */
  toEnd() {
    this.#isAtEnd = true;
    this.#hold();
  }

  /** Something below the messages has changed its height. */
  settle() {
    this.#hold();
  }

  #hold() {
    if (!this.#isAtEnd) return;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#lastTop = this.#scroller.scrollTop;
    this.#missed = 0;
    this.#showDown();
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    // Only the reader moves up; a view that shrinks or messages that grow leave the end behind as well.
    if (scrollHeight - clientHeight - scrollTop < NEAR) this.#isAtEnd = true;
    else if (scrollTop < this.#lastTop) this.#isAtEnd = false;
    this.#lastTop = scrollTop;
    if (this.#isAtEnd) this.#missed = 0;
    this.#showDown();
    this.#fetchAhead();
  }

  #showDown() {
    this.#down.hidden = this.#isAtEnd;
    const count = this.#missed;
    this.#down.textContent = count ? `${count} new message${count > 1 ? 's' : ''} ↓` : 'To the newest ↓';
  }

  #replace({ messages, has_more: hasMore }) {
    this.#fetching?.abort();
    this.#fetching = undefined;
    this.#quietly(() => this.#list.replaceChildren(...messages.map((message) => this.#item(message))));
    this.#regroup(this.#list.firstElementChild, messages.length);
    this.#setOlder(hasMore);
    this.toEnd();
    if (messages.length) this.#restore();
    this.#fetchAhead();
  }

  #append(message) {
    const item = this.#item(message);
    this.#list.append(item);
    this.#regroup(item, 1);
    this.#setOlder(this.#hasOlder);
    if (this.#isAtEnd) {
      this.#trim();
      this.#hold();
    } else {
      this.#missed += 1;
      this.#showDown();
    }
  }

  #trim() {
    if (this.#fetching || this.#list.children.length <= KEPT) return;
    // Down to less, so that this is not done for every message.
    while (this.#list.children.length > KEPT / 2) this.#list.firstElementChild.remove();
    this.#regroup(this.#list.firstElementChild, 1);
    this.#setOlder(true);
  }

  #fetchAhead() {
    if (this.#scroller.scrollTop < AHEAD) this.#fetchOlder();
  }

  /** Puts a page of older messages before the others; what is in view stays where it is. */
  async #fetchOlder(limit = 50) {
    const first = this.#list.firstElementChild;
    if (!this.#hasOlder || this.#fetching || !first) return;
    const fetching = new AbortController();
    this.#fetching = fetching;
    try {
      const page = await this.#client.messages({ before: first.dataset.id, limit });
      if (this.#fetching !== fetching) return;
      const top = first.getBoundingClientRect().top;
      this.#quietly(() => this.#list.prepend(...page.messages.map((message) => this.#item(message))));
      this.#regroup(this.#list.firstElementChild, page.messages.length + 1);
      this.#setOlder(page.has_more);
      this.#scroller.scrollTop += first.getBoundingClientRect().top - top;
      this.#fetching = undefined;
      this.#fetchAhead();
    } catch {
      // Asked again on the next scroll, or once the line is up again.
      if (this.#fetching === fetching) this.#fetching = undefined;
    }
  }

  /** A reader is told what is new, not what is older. */
  #quietly(act) {
    this.#scroller.setAttribute('aria-busy', 'true');
    act();
    requestAnimationFrame(() => this.#scroller.removeAttribute('aria-busy'));
  }

  #setOlder(hasOlder) {
    this.#hasOlder = hasOlder;
    const isEmpty = !this.#list.children.length;
    const beginning = byId('beginning');
    beginning.hidden = hasOlder && !isEmpty;
    beginning.textContent = isEmpty ? 'Nobody has written here yet. Say hello!' : 'This is where the room begins.';
    beginning.classList.toggle('empty', isEmpty);
  }

  /** Where the reader is: the topmost message in view, and how far from the top. */
  #currentPlace() {
    if (this.#isAtEnd) return undefined;
    const { top } = this.#scroller.getBoundingClientRect();
    const item = [...this.#list.children].find((each) => each.getBoundingClientRect().bottom > top);
    return item && { id: Number(item.dataset.id), offset: item.getBoundingClientRect().top - top };
  }

  /** Back to where the reader was before a reload. */
  async #restore() {
    const place = this.#place;
    this.#place = undefined;
    if (!place) return;
    const isOlder = () => Number(this.#list.firstElementChild?.dataset.id) > place.id;
    this.#isAtEnd = false;
    while (isOlder() && this.#hasOlder && this.#list.children.length < SOUGHT) {
      const { length } = this.#list.children;
      await this.#fetchOlder(200);
      if (this.#list.children.length === length) break;
    }
    const item = this.#list.querySelector(`[data-id="${place.id}"]`);
    if (!item) return this.toEnd();
    const { top } = this.#scroller.getBoundingClientRect();
    this.#scroller.scrollTop += item.getBoundingClientRect().top - top - place.offset;
    this.#scrolled();
  }

  /** Makes `count` items from `item` on show their author and day where these differ from the item before. */
  #regroup(item, count) {
    for (let left = count; item && left > 0; item = item.nextElementSibling, left -= 1) {
      const before = item.previousElementSibling;
      const [time, earlier] = [item, before].map((each) => new Date(each?.dataset.time ?? 0));
      const isNewDay = time.toDateString() !== earlier.toDateString();
      item.querySelector('.day').hidden = !isNewDay;
      const goesOn = !isNewDay && item.dataset.author === before?.dataset.author && time - earlier < GROUP;
      item.classList.toggle('first', !goesOn);
    }
  }

  #item({ id, username, content, timestamp, client_id: clientId }) {
    const [time, colour] = [new Date(timestamp), hue(username)];
    const isOwn = fold(username) === this.#me;
    const attributes = {
      class: `message ${isOwn ? 'own' : 'other'}`,
      'data-id': id, 'data-time': timestamp, 'data-author': fold(username), 'data-client-id': clientId ?? undefined,
    };
    return make('li', attributes,
      make('p', { class: 'day' }, make('span', {}, calendar.format(time))),
      avatar(username, colour),
      make('div', { class: 'body' },
        make('p', { class: 'byline' },
          make('bdi', { class: `author hue-${colour}` }, username), ' ',
          make('time', { datetime: timestamp, title: exact.format(time) }, clock.format(time))),
        make('p', { class: 'content', dir: 'auto' }, ...linked(content))));
  }
}
