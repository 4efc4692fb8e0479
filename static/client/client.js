// The common part of every way to follow a room: its events, its state, posting, changing and finding.
/** @import { ClientEvents, Found, Message, Messages, ReadCursor, ServerEvent, State, Unread } from './events.js' */
import { advance, params } from './cursor.js';
import { Emitter } from './emitter.js';
import { backoff, isFinal, JSON_BODY, Refused, request } from './request.js';

/** A key for a post, also where `crypto.randomUUID` is missing because the page came by plain HTTP. */
export function newClientId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * A room without a line: nothing is followed, everything can be asked.
 * @extends {Emitter<ClientEvents>}
 */
export class Client extends Emitter {
  /** @type {Set<() => void>} */
  #pauses = new Set();
  #ended = new AbortController();

  /**
   * @param {string} room
   * @param {{ username?: string, since?: number, base?: string }} [options]
   */
  constructor(room, { username, since, base = '/api/v1' } = {}) {
    super();
    this.room = room;
    this.username = username;
    this.cursor = since;
    this.base = base;
    /** @type {State} */
    this.state = { name: 'connecting', transport: undefined, detail: '' };
  }

  get path() {
    return pathOf(this.base, this.room);
  }

  get isClosed() {
    return this.#ended.signal.aborted;
  }

  /**
   * Posts, and asks again with the same key until there is an answer, or `signal` ends it. Rejects if the answer is no.
   * @param {string} content
   * @param {{ clientId?: string, replyTo?: number | null, signal?: AbortSignal }} [options]
   * @returns {Promise<Message>}
   */
  async post(content, { clientId = newClientId(), replyTo, signal } = {}) {
    const body = JSON.stringify({ username: this.username, content, client_id: clientId, reply_to: replyTo });
    for (let failures = 0; ; failures += 1) {
      try {
        return await this.ask(`${this.path}/messages`, { method: 'POST', headers: JSON_BODY, body, signal });
      } catch (reason) {
        const error = /** @type {Error} */ (reason);
        if (this.isClosed || signal?.aborted || isFinal(error)) throw error;
        this.tell('retry', { clientId, error });
        await this.pause((error instanceof Refused && error.retryAfter) || backoff(failures), signal);
        if (this.isClosed || signal?.aborted) throw error;
      }
    }
  }

  /**
   * Says that the user types, or no longer. To be said again while it goes on: it lapses after 6 s.
   * @param {boolean} isTyping
   */
  async typing(isTyping) {
    const body = JSON.stringify({ username: this.username, is_typing: isTyping });
    // Also as the last word of a page that is left; and of no use later, so never asked again.
    await fetch(`${this.path}/typing`, { method: 'POST', headers: JSON_BODY, body, keepalive: true }).catch(() => {});
  }

  /**
   * A page of messages.
   * @param {{ before?: number, after?: number, limit?: number }} [query]
   * @returns {Promise<Messages>}
   */
  messages(query) {
    return this.ask(`${this.path}/messages?${params(query)}`);
  }

  /**
   * One message as it is now.
   * @param {number} id
   * @returns {Promise<Message>}
   */
  message(id) {
    return this.ask(`${this.path}/messages/${id}`);
  }

  /**
   * Has one's own message say something else. Like the changes below it is asked for once: an event tells everybody.
   * @param {number} id
   * @param {string} content
   * @returns {Promise<Message>}
   */
  edit(id, content) {
    return this.ask(`${this.path}/messages/${id}`, this.#acting('PATCH', { content }));
  }

  /**
   * Deletes one's own message, for everybody.
   * @param {number} id
   * @returns {Promise<Message>}
   */
  remove(id) {
    return this.ask(`${this.path}/messages/${id}?${params({ username: this.username })}`, { method: 'DELETE' });
  }

  /**
   * Reacts to a message, or takes the reaction back.
   * @param {number} id
   * @param {string} emoji
   * @param {boolean} [on]
   * @returns {Promise<Message>}
   */
  react(id, emoji, on = true) {
    return this.ask(`${this.#reactions(id, emoji)}?${params({ username: this.username })}`, { method: on ? 'PUT' : 'DELETE' });
  }

  /**
   * A page of those who reacted with an emoji.
   * @param {number} id
   * @param {string} emoji
   * @param {{ after?: number, limit?: number }} [query]
   * @returns {Promise<{ users: { username: string }[], next: number | null }>}
   */
  reactors(id, emoji, query) {
    return this.ask(`${this.#reactions(id, emoji)}?${params(query)}`);
  }

  /**
   * A page of what a message said before, oldest first.
   * @param {number} id
   * @param {{ after?: number, limit?: number }} [query]
   * @returns {Promise<{ revisions: import('./events.js').Revision[], next: number | null }>}
   */
  revisions(id, query) {
    return this.ask(`${this.path}/messages/${id}/revisions?${params(query)}`);
  }

  /**
   * Says that the user has read every message up to this one.
   * @param {number} id
   * @returns {Promise<ReadCursor>}
   */
  markRead(id) {
    return this.ask(`${this.path}/read`, this.#acting('PUT', { last_read_id: id }));
  }

  /**
   * A page of how far people have read, by name.
   * @param {{ after?: string, limit?: number }} [query]
   * @returns {Promise<{ cursors: ReadCursor[], next: string | null }>}
   */
  reads(query) {
    return this.ask(`${this.path}/read?${params(query)}`);
  }

  /**
   * The number of messages by others that the user has not read, and the user's read cursor.
   * @returns {Promise<Unread>}
   */
  unread() {
    return this.ask(`${this.path}/unread?${params({ username: this.username })}`);
  }

  /**
   * A page of messages that have all words of `q`, newest first.
   * @param {string} q
   * @param {{ before?: number | null, limit?: number }} [query]
   * @returns {Promise<Found>}
   */
  search(q, query) {
    return this.ask(`${this.path}/search?${params({ q, ...query })}`);
  }

  /**
   * @param {number} id
   * @param {string} emoji
   */
  #reactions(id, emoji) {
    return `${this.path}/messages/${id}/reactions/${encodeURIComponent(emoji)}`;
  }

  /**
   * @param {string} method
   * @param {object} fields
   */
  #acting(method, fields) {
    return { method, headers: JSON_BODY, body: JSON.stringify({ username: this.username, ...fields }) };
  }

  /**
   * Fetches JSON; ends with `signal`, with the client, and after `patience` milliseconds.
   * @param {string} url
   * @param {{ signal?: AbortSignal, patience?: number, method?: string, headers?: Record<string, string>, body?: string }} [options]
   * @returns {Promise<any>}
   */
  ask(url, { signal, ...options } = {}) {
    return request(url, { signals: [this.#ended.signal, ...(signal ? [signal] : [])], ...options });
  }

  /**
   * Waits, at most until the line is up again or `signal` ends it.
   * @param {number} milliseconds
   * @param {AbortSignal} [signal]
   * @returns {Promise<void>}
   */
  pause(milliseconds, signal) {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#pauses.delete(done);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      this.#pauses.add(done);
      signal?.addEventListener('abort', done);
    });
  }

  /**
   * @protected
   * @param {State} state
   */
  setState(state) {
    const { name, detail, transport } = this.state;
    if (name === state.name && detail === state.detail && transport === state.transport) return;
    this.state = state;
    this.tell('state', state);
    if (state.name === 'connected') [...this.#pauses].forEach((done) => done());
  }

  /**
   * Moves the cursor and tells the listeners; what was told before is dropped.
   * @protected
   * @param {ServerEvent} event
   */
  receive(event) {
    const { cursor, isNew } = advance(this.cursor, event);
    if (!isNew) return;
    this.cursor = cursor;
    this.tell('event', event);
    this.tell(event.type, event);
  }

  close() {
    this.#ended.abort();
    [...this.#pauses].forEach((done) => done());
    this.setState({ ...this.state, name: 'closed', detail: '' });
  }
}

/**
 * @param {string} base
 * @param {string} room
 */
export const pathOf = (base, room) => `${base}/rooms/${encodeURIComponent(room)}`;
