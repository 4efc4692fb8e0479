// Messages that the server has not answered for yet: kept in this browser, shown as unsent, and sent until it does.
/** @import { Client } from '../client/client.js' */
/** @import { Message } from '../client/events.js' */
/** @import { Known } from './known.js' */
import { newClientId } from '../client/client.js';
import { isFinal, Refused } from '../client/request.js';
import { byId, children, linked, make, within } from '../shared/dom.js';
import { fold } from '../shared/names.js';
import { inPlainWords } from '../shared/refusals.js';
import { quote, showQuote } from './message.js';
import { notice } from './notice.js';
import { keys, load, save } from '../shared/store.js';

/** The server takes no longer request, in bytes; what is far longer it doesn't even read to the end. */
const LONGEST = 64 * 1024;

/**
 * `waits` once an attempt had no answer, or was too soon, as `why` says; `isSent` once answered but not yet in the log.
 * @typedef {object} Entry
 * @property {string} client_id
 * @property {number} written
 * @property {string} content
 * @property {number} [reply_to]
 * @property {boolean} [waits]
 * @property {string} [why]
 * @property {string} [problem]
 * @property {boolean} [isSent]
 */
/**
 * `onEdit` gets a refused message back, its text and what it answers; `onLeft` is called when what had the focus is gone,
 * `onShown` when the list has changed.
 * @typedef {object} Uses
 * @property {(text: string, answered: number | undefined) => void} onEdit
 * @property {() => void} onLeft
 * @property {() => void} onShown
 */

export class Outbox {
  #client;
  #known;
  /** An entry is kept under this and its id, which has no colon: no tab overwrites what another has kept. */
  #prefix;
  /** The key under which older versions kept them all, as one list. */
  #listKey;
  #list = byId('unsent');
  /** In the order they were written. @type {Entry[]} */
  #entries = [];
  #isSending = false;
  /** The post that is being sent: its id, and the controller that ends it. @type {{ id: string, control: AbortController } | undefined} */
  #posting;
  #uses;

  /**
   * @param {Client} client
   * @param {Known} known
   * @param {Uses} uses
   */
  constructor(client, known, uses) {
    this.#client = client;
    this.#known = known;
    const me = fold(client.username ?? '');
    const whose = `${client.room}:${me}`;
    this.#prefix = `parlor:unsent:${whose}:`;
    this.#listKey = `parlor:outbox:${whose}`;
    this.#uses = uses;
    client.addEventListener('retry', ({ detail: { clientId, error } }) => {
      const isTooSoon = error instanceof Refused && error.code === 'slow_mode';
      this.#mark(clientId, { waits: true, why: isTooSoon ? `${inPlainWords(error)} It is sent after that.` : undefined });
    });
    client.addEventListener('state', ({ detail }) => detail.name === 'connected' && this.#look());
    const arrived = (/** @type {Message} */ { client_id: id, username }) => {
      if (id && fold(username) === me) this.#remove(id);
    };
    client.addEventListener('chat_message', ({ detail }) => arrived(detail.message));
    client.addEventListener('message_history', ({ detail }) => detail.messages.forEach(arrived));
    // Other tabs of the same user keep theirs in the same place, and may close before theirs are sent.
    addEventListener('storage', ({ key }) => (key === null || key === this.#listKey || this.#isOurs(key)) && this.#look());
    this.#look();
  }

  /**
   * @param {string} content
   * @param {number} [replyTo]
   */
  add(content, replyTo) {
    // A clock that was set back changes no order.
    const written = Math.max(Date.now(), (this.#entries.at(-1)?.written ?? 0) + 1);
    const entry = checked({ client_id: newClientId(), written, content, reply_to: replyTo });
    this.#keep(entry);
    this.#entries.push(entry);
    // Before it is shown, which takes its time: the tab that one writes in is to be the first that asks to send.
    this.#send();
    this.#show();
    if (entry.problem) this.#tell(entry.problem);
  }

  #look() {
    this.#load();
    this.#send();
  }

  /** @param {string} key */
  #isOurs(key) {
    return key.startsWith(this.#prefix) && !key.slice(this.#prefix.length).includes(':');
  }

  /** @param {Entry} entry */
  #keep(entry) {
    save('localStorage', this.#prefix + entry.client_id, entry);
  }

  /** Reads what is kept; what is no longer there is no longer to be sent. */
  #load() {
    /** @type {Entry[]} */
    const list = load('localStorage', this.#listKey) ?? [];
    // First, to make place.
    if (list.length) save('localStorage', this.#listKey, undefined);
    list.forEach((entry, index) => this.#keep(checked({ ...entry, written: index })));

    const sent = this.#entries.filter(({ isSent }) => isSent);
    /** @type {(Entry | undefined)[]} */
    const kept = keys('localStorage').filter((key) => this.#isOurs(key)).map((key) => load('localStorage', key));
    const unsent = kept.filter((entry) => entry !== undefined).filter((entry) => sent.every(({ client_id: id }) => id !== entry.client_id));
    this.#entries = [...sent, ...unsent].sort((one, other) => one.written - other.written);
    if (!this.#entries.some(({ client_id: id }) => id === this.#posting?.id)) this.#posting?.control.abort();
    this.#show();
  }

  /** @param {string} id */
  #remove(id) {
    if (!this.#entries.some((entry) => entry.client_id === id)) return;
    this.#entries = this.#entries.filter((entry) => entry.client_id !== id);
    save('localStorage', this.#prefix + id, undefined);
    this.#show();
  }

  /**
   * @param {string} id
   * @param {Partial<Entry>} marks
   */
  #mark(id, marks) {
    // Another tab may have discarded it, or seen it arrive.
    const entry = load('localStorage', this.#prefix + id);
    if (entry) this.#keep({ ...entry, ...marks });
    this.#load();
  }

  /** One after the other, so that they arrive in the order they were written; one tab at a time. */
  async #send() {
    if (this.#isSending || !this.#next) return;
    this.#isSending = true;
    let goesOn = true;
    try {
      await alone(this.#prefix, async () => {
        // Another tab may have sent some meanwhile.
        this.#load();
        for (let next = this.#next; next && goesOn; next = this.#next) goesOn = await this.#post(next);
      });
    } finally {
      this.#isSending = false;
    }
    // Written while the lock was given back.
    if (goesOn) this.#send();
  }

  /** The one to be sent next. */
  get #next() {
    return this.#client.isClosed ? undefined : this.#entries.find(({ problem, isSent }) => !problem && !isSent);
  }

  /** Sends one; resolves to false if no other can be sent at the moment. @param {Entry} entry */
  async #post({ client_id: id, content, reply_to: replyTo }) {
    const control = new AbortController();
    this.#posting = { id, control };
    try {
      const message = await this.#client.post(content, { clientId: id, replyTo, signal: control.signal });
      // It is answered before it is read; until then it stays in view.
      if ((this.#client.cursor ?? -1) >= message.id) this.#remove(id);
      else this.#sent(id);
    } catch (error) {
      // Without an answer it was discarded, or the page is left.
      if (!isFinal(error)) return true;
      if (error.status === 401) {
        // Kept for whoever signs in again.
        this.#client.tell('retry', { clientId: id, error });
        return false;
      }
      const problem = inPlainWords(error);
      this.#mark(id, { problem });
      this.#tell(problem);
    } finally {
      this.#posting = undefined;
    }
    return true;
  }

  /** @param {string} id */
  #sent(id) {
    const entry = this.#entries.find(({ client_id }) => client_id === id);
    if (entry) entry.isSent = true;
    save('localStorage', this.#prefix + id, undefined);
    this.#show();
  }

  /** @param {string} id */
  #discard(id) {
    this.#remove(id);
    if (this.#posting?.id === id) this.#posting.control.abort();
  }

  /** @param {string} problem */
  #tell(problem) {
    notice(`Your message was not sent. ${problem}`);
  }

  /** Changes only what has changed: what has the focus keeps it. */
  #show() {
    const items = new Map(children(this.#list).map((item) => [item.dataset.clientId, item]));
    const hadFocus = this.#list.contains(document.activeElement);
    let isStuck = false;
    this.#entries.forEach((entry, index) => {
      const { client_id: id, waits, problem, isSent } = entry;
      // Those behind one that waits wait with it.
      isStuck ||= Boolean(waits && !problem && !isSent);
      const item = items.get(id) ?? this.#item(entry);
      items.delete(id);
      this.#update(item, entry, isStuck);
      if (this.#list.children[index] !== item) this.#list.insertBefore(item, this.#list.children[index] ?? null);
    });
    for (const item of items.values()) item.remove();
    this.#list.hidden = !this.#entries.length;
    if (hadFocus && !this.#list.querySelector(':focus:not([hidden])')) this.#uses.onLeft();
    this.#uses.onShown();
  }

  /** @param {Entry} entry */
  #item({ client_id: id, content, reply_to: target }) {
    const button = (/** @type {string} */ label, /** @type {(() => void) | undefined} */ act = undefined) => {
      const made = make('button', { type: 'button', class: 'quiet' }, label);
      made.addEventListener('click', () => {
        this.#discard(id);
        act?.();
      });
      return made;
    };
    return make('li', { class: 'message own first unsent', 'data-client-id': id },
      make('div', { class: 'body' },
        target ? quote(target) : undefined,
        make('p', { class: 'content', dir: 'auto' }, ...linked(content)),
        make('p', { class: 'fate' },
          make('span'), button('Edit', () => this.#uses.onEdit(content, target)), button('Discard'))));
  }

  /**
   * @param {HTMLElement} item
   * @param {Entry} entry
   * @param {boolean} isStuck
   */
  #update(item, { reply_to: target, why, problem, isSent }, isStuck) {
    const waiting = isStuck ? why ?? 'Not sent yet. It is kept here and sent as soon as possible.' : 'Sending…';
    item.classList.toggle('refused', Boolean(problem));
    within(item, '.fate span').textContent = problem ?? (isSent ? '' : waiting);
    const [edit, discard] = item.querySelectorAll('button');
    edit.hidden = !problem;
    discard.hidden = !problem && (isSent || !isStuck);
    const quoted = target ? this.#known.quoted(target) : undefined;
    if (quoted) showQuote(within(item, '.quote'), quoted);
  }
}

/**
 * @param {Entry} entry
 * @returns {Entry}
 */
function checked(entry) {
  // Asked for it, the server would close the connection, which looks as if it were away.
  const isTooLong = new TextEncoder().encode(entry.content).length > LONGEST;
  return isTooLong ? { ...entry, problem: 'It is too long for a message.' } : entry;
}

/**
 * Acts while no other tab does, where tabs can have locks.
 * @param {string} name
 * @param {() => Promise<void>} act
 */
async function alone(name, act) {
  let isAlone = false;
  try {
    return await navigator.locks.request(name, () => {
      isAlone = true;
      return act();
    });
  } catch (error) {
    if (isAlone) throw error;
    // None on a page that came by plain HTTP, nor where site data is blocked. The server takes each message once anyway.
    return act();
  }
}
