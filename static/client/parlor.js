// The client: follows one room by event stream, WebSocket or long poll, posts to it, and changes and finds what is there. docs/client.md

/** A stream that has shown nothing for so long is held back by something between here and the server. */
const FIRST_EVENT = 8_000;
/** The server sends a ping after 15 s of silence; 2.5 times that without one is a dead line. */
const SILENCE = 37_500;
/** How long a poll waits on the server, in seconds, and how much longer it may take. */
const POLL_WAIT = 25;
const POLL_SLACK = 15_000;
const ANSWER = 20_000;
const LONGEST_PAUSE = 30_000;
/** When a stream is tried again after a fall back to polls; doubled each time, until one comes through. */
const STREAM_AGAIN = 5 * 60_000;
const JSON_BODY = { 'Content-Type': 'application/json' };

/** Follows `room`. Options: username, since, history, transport ('auto', 'stream', 'websocket', 'poll'), base. */
export function connect(room, options) {
  return new Room(room, options);
}

/** An answer that is no success, with the fields of its problem document. */
export class Refused extends Error {
  constructor(answer, problem) {
    super(problem?.detail ?? `the server answered ${answer.status}`);
    this.status = answer.status;
    this.code = problem?.code;
    this.errors = problem?.errors ?? [];
    const seconds = Number(answer.headers?.get('Retry-After'));
    this.retryAfter = seconds > 0 ? seconds * 1000 : undefined;
  }

  /** Whether asking again can't help. What has no code is not the server's word: a proxy says it, and may think better of it. */
  get isFinal() {
    return Boolean(this.code) && this.status >= 400 && this.status < 500 && ![408, 425, 429].includes(this.status);
  }
}

/** A key for a post, also where `crypto.randomUUID` is missing because the page came by plain HTTP. */
export function newClientId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What is common to every way of following a room: its events, its state, posting, typing. */
export class Client extends EventTarget {
  #pauses = new Set();
  #ended = new AbortController();

  constructor(room, { username, since, base = '/api/v1' } = {}) {
    super();
    this.room = room;
    this.username = username;
    this.cursor = since;
    this.base = base;
    this.state = { name: 'connecting', transport: undefined, detail: '' };
  }

  get path() {
    return `${this.base}/rooms/${encodeURIComponent(this.room)}`;
  }

  get isClosed() {
    return this.#ended.signal.aborted;
  }

  /** Posts, and asks again with the same key until there is an answer, or `signal` ends it. Rejects if the answer is no. */
  async post(content, { clientId = newClientId(), replyTo, signal } = {}) {
    const body = JSON.stringify({ username: this.username, content, client_id: clientId, reply_to: replyTo });
    for (let failures = 0; ; failures += 1) {
      try {
        return await this.ask(`${this.path}/messages`, { method: 'POST', headers: JSON_BODY, body, signal });
      } catch (error) {
        if (this.isClosed || signal?.aborted || error.isFinal) throw error;
        this.dispatchEvent(new CustomEvent('retry', { detail: { clientId, error } }));
        await this.pause(error.retryAfter ?? backoff(failures), signal);
        if (this.isClosed || signal?.aborted) throw error;
      }
    }
  }

  /** Says that the user types, or no longer. To be said again while it goes on: it lapses after 6 s. */
  typing(isTyping) {
    const body = JSON.stringify({ username: this.username, is_typing: isTyping });
    // Also as the last word of a page that is left; and of no use later, so never asked again.
    return fetch(`${this.path}/typing`, { method: 'POST', headers: JSON_BODY, body, keepalive: true }).catch(() => {});
  }

  /** A page of messages; `query` as in the API: before, after, limit. */
  messages(query) {
    return this.ask(`${this.path}/messages?${params(query)}`);
  }

  /** One message as it is now. */
  message(id) {
    return this.ask(`${this.path}/messages/${id}`);
  }

  /** Has one's own message say something else. Like the changes below it is asked for once: an event tells everybody. */
  edit(id, content) {
    return this.ask(`${this.path}/messages/${id}`, this.#acting('PATCH', { content }));
  }

  /** Deletes one's own message, for everybody. */
  remove(id) {
    return this.ask(`${this.path}/messages/${id}?${params({ username: this.username })}`, { method: 'DELETE' });
  }

  /** Reacts to a message, or takes the reaction back. */
  react(id, emoji, on = true) {
    return this.ask(`${this.#reactions(id, emoji)}?${params({ username: this.username })}`, { method: on ? 'PUT' : 'DELETE' });
  }

  /** A page of those who reacted with an emoji; `query`: after, limit. */
  reactors(id, emoji, query) {
    return this.ask(`${this.#reactions(id, emoji)}?${params(query)}`);
  }

  /** A page of what a message said before, oldest first; `query`: after, limit. */
  revisions(id, query) {
    return this.ask(`${this.path}/messages/${id}/revisions?${params(query)}`);
  }

  /** Says that the user has read every message up to this one. */
  markRead(id) {
    return this.ask(`${this.path}/read`, this.#acting('PUT', { last_read_id: id }));
  }

  /** A page of how far people have read, by name; `query`: after, limit. */
  reads(query) {
    return this.ask(`${this.path}/read?${params(query)}`);
  }

  /** How many messages by others the user has not read, and how far the user has. */
  unread() {
    return this.ask(`${this.path}/unread?${params({ username: this.username })}`);
  }

  /** A page of messages that have all words of `q`, newest first; `query`: before, limit. */
  search(q, query) {
    return this.ask(`${this.path}/search?${params({ q, ...query })}`);
  }

  #reactions(id, emoji) {
    return `${this.path}/messages/${id}/reactions/${encodeURIComponent(emoji)}`;
  }

  #acting(method, fields) {
    return { method, headers: JSON_BODY, body: JSON.stringify({ username: this.username, ...fields }) };
  }

  /** Fetches JSON; ends with `signal`, with the client, and after `patience`. */
  async ask(url, { signal, patience = ANSWER, ...options } = {}) {
    const control = new AbortController();
    const stop = () => control.abort();
    const timer = setTimeout(stop, patience);
    const signals = [this.#ended.signal, signal].filter(Boolean);
    signals.forEach((each) => (each.aborted ? stop() : each.addEventListener('abort', stop)));
    try {
      const answer = await fetch(url, { ...options, signal: control.signal });
      // A proxy's page is no problem document.
      const body = answer.status === 204 ? null : await answer.json().catch((error) => {
        if (answer.ok) throw error;
      });
      if (!answer.ok) throw new Refused(answer, body);
      return body;
    } finally {
      clearTimeout(timer);
      signals.forEach((each) => each.removeEventListener('abort', stop));
    }
  }

  /** Waits, at most until the line is up again or `signal` ends it. */
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

  setState(name, detail = '', transport = this.state.transport) {
    if (this.state.name === name && this.state.detail === detail && this.state.transport === transport) return;
    this.state = { name, transport, detail };
    this.dispatchEvent(new CustomEvent('state', { detail: this.state }));
    if (name === 'connected') [...this.#pauses].forEach((done) => done());
  }

  /** Moves the cursor and tells the listeners; what was told before is dropped. */
  receive(event) {
    if (event.type === 'message_history') {
      this.cursor = event.id;
    } else if (event.type === 'ping') {
      this.cursor = Math.max(this.cursor ?? 0, event.cursor);
    } else if (event.id !== undefined) {
      if (this.cursor !== undefined && event.id <= this.cursor) return;
      this.cursor = event.id;
    }
    this.dispatchEvent(new CustomEvent('event', { detail: event }));
    this.dispatchEvent(new CustomEvent(event.type, { detail: event }));
  }

  close() {
    this.#ended.abort();
    [...this.#pauses].forEach((done) => done());
    this.setState('closed');
  }
}

/** A room followed by a line of its own, which is opened anew from the cursor whenever it breaks. */
export class Room extends Client {
  #line;
  #wanted;
  #history;
  #heard = false;
  #heardAt = 0;
  #failures = 0;
  #watchdog;
  #again;
  #untilAgain = STREAM_AGAIN;
  #isHeldBack = false;
  #waiting = false;
  #revive = () => this.#lookAtLine();

  constructor(room, options = {}) {
    super(room, options);
    this.#wanted = options.transport ?? 'auto';
    this.#history = options.history;
    globalThis.addEventListener?.('online', this.#revive);
    globalThis.document?.addEventListener('visibilitychange', this.#revive);
    this.#open();
  }

  get transport() {
    return this.#wanted;
  }

  /** Goes on by another transport, from the cursor. */
  setTransport(transport) {
    this.#wanted = transport;
    this.#failures = 0;
    this.#isHeldBack = false;
    clearTimeout(this.#again);
    this.#open();
  }

  close() {
    globalThis.removeEventListener?.('online', this.#revive);
    globalThis.document?.removeEventListener('visibilitychange', this.#revive);
    clearTimeout(this.#again);
    this.#shut();
    super.close();
  }

  #shut() {
    clearTimeout(this.#watchdog);
    this.#line?.abort();
    this.#line = undefined;
  }

  #open() {
    const automatic = this.#isHeldBack ? 'poll' : 'stream';
    const transport = this.#wanted === 'auto' ? automatic : this.#wanted;
    this.#shut();
    if (this.isClosed) return;
    const line = new AbortController();
    this.#line = line;
    this.#heard = false;
    this.#waiting = false;
    this.setState(this.state.name === 'connecting' ? 'connecting' : 'reconnecting', '', transport);
    // What an aborted line still has to say is of no interest: its successor says it again.
    const heed = (act) => (...values) => this.#line === line && act(...values);
    const open = { stream: openStream, websocket: openSocket, poll: openPoll }[transport];
    if (!open) throw new TypeError(`there is no transport ${transport}`);
    open(this, {
      signal: line.signal,
      url: (path, query) => this.#url(path, query),
      event: heed((event) => {
        this.#alive(transport);
        this.receive(event);
      }),
      alive: heed(() => this.#alive(transport)),
      broken: heed((detail) => {
        this.#heard = false;
        this.#watch(FIRST_EVENT + LONGEST_PAUSE, transport);
        this.setState('reconnecting', detail);
      }),
      ended: heed((error, pause) => this.#ended(transport, error, pause)),
    });
    this.#watch(FIRST_EVENT, transport);
  }

  #url(path, query = {}) {
    return `${this.path}/${path}?${params({ since: this.cursor, history: this.#history, username: this.username, ...query })}`;
  }

  #alive(transport) {
    this.#heard = true;
    this.#heardAt = Date.now();
    this.#failures = 0;
    if (transport === 'stream') this.#untilAgain = STREAM_AGAIN;
    this.#watch(SILENCE, transport);
    this.setState('connected');
  }

  #watch(milliseconds, transport) {
    clearTimeout(this.#watchdog);
    // Each poll has a deadline of its own.
    if (transport === 'poll') return;
    this.#watchdog = setTimeout(() => this.#silent(transport), milliseconds);
  }

  #silent(transport) {
    if (this.#heard) this.#open();
    else if (transport === 'stream' && this.#wanted === 'auto') this.#fallBack();
    else this.#ended(transport);
  }

  #fallBack() {
    this.#isHeldBack = true;
    this.#open();
    clearTimeout(this.#again);
    this.#again = setTimeout(() => {
      this.#isHeldBack = false;
      // While polls fail too, the next line is a stream anyway.
      if (this.#heard) this.#open();
    }, this.#untilAgain);
    this.#untilAgain *= 2;
  }

  #lookAtLine() {
    if (this.isClosed || globalThis.document?.hidden) return;
    if (this.#waiting) this.#open();
    else if (this.#heard && this.state.transport !== 'poll' && Date.now() - this.#heardAt > SILENCE) this.#open();
  }

  async #ended(transport, error, pause) {
    const hadHeard = this.#heard;
    this.#shut();
    // A stream or a socket gives no reason for being turned away; a poll would.
    const line = new AbortController();
    this.#line = line;
    this.setState('reconnecting');
    let reason = error;
    if (!reason && !hadHeard && transport !== 'poll') {
      try {
        await this.ask(this.#url('poll', { wait: 0, history: 0 }), { signal: line.signal });
        if (this.#line === line && transport === 'stream' && this.#wanted === 'auto') return this.#fallBack();
      } catch (refusal) {
        reason = refusal;
      }
      if (this.#line !== line) return;
    }
    if (reason?.isFinal) return this.setState('refused', reason.message);
    this.#waiting = true;
    this.setState('reconnecting', reason?.status ? reason.message : '');
    await this.pause(reason?.retryAfter ?? pause ?? backoff(this.#failures++));
    if (this.#line === line) this.#open();
  }
}

/** What is given of `fields`, as a query. */
function params(fields = {}) {
  return new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Growing, and random so that not all come back in the same moment. */
function backoff(failures) {
  return Math.min(LONGEST_PAUSE, 1000 * 2 ** failures) * (0.5 + Math.random() / 2);
}

function openStream(client, line) {
  // Without names one listener gets every type, also one that is not known here.
  const source = new EventSource(line.url('stream', { named: false }));
  line.signal.addEventListener('abort', () => source.close());
  source.onmessage = ({ data }) => line.event(JSON.parse(data));
  source.onerror = ({ data }) => {
    // With data it is an event of the server: it turns us away for now.
    if (data) line.broken(JSON.parse(data).detail);
    // The browser tries again by itself, but for good reason not always.
    else if (source.readyState === EventSource.CLOSED) line.ended();
    else line.broken();
  };
}

function openSocket(client, line) {
  const url = new URL(line.url('ws'), globalThis.location?.href);
  url.protocol = url.protocol.replace('http', 'ws');
  const socket = new WebSocket(url);
  let pause;
  line.signal.addEventListener('abort', () => socket.close());
  socket.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    if (event.type === 'server_shutdown') pause = event.reconnect_after_ms * (1 + Math.random());
    line.event(event);
  };
  socket.onclose = () => line.ended(undefined, pause);
}

async function openPoll(client, line) {
  // Any unknown word makes the first answer say who is here.
  let state = client.cursor === undefined ? undefined : 'new';
  let wait = 0;
  while (!line.signal.aborted) {
    try {
      const url = line.url('poll', { wait, state });
      const answer = await client.ask(url, { signal: line.signal, patience: wait * 1000 + POLL_SLACK });
      line.alive();
      for (const event of answer.events) line.event(event);
      state = answer.state;
      wait = POLL_WAIT;
    } catch (error) {
      return line.ended(error);
    }
  }
}
