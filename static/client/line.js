// The line to the server: follows rooms, and is opened again from their cursors whenever it breaks or falls silent.
/** @import { Client } from './client.js' */
/** @import { ServerEvent, State, Transport } from './events.js' */
/** @import { Part, Way } from './transports.js' */
import { backoff, Refused } from './request.js';
import { address, open, parts, Turns } from './transports.js';

/** A stream that has shown nothing for so long is held back by something between here and the server. */
const FIRST_EVENT = 8_000;
/** The server sends a ping after 15 s of silence; 2.5 times that without one is a dead line. */
const SILENCE = 37_500;
const LONGEST_PAUSE = 30_000;
/** The time until a stream is tried again after a fall back to polls; doubled each time, until one comes through. */
const STREAM_AGAIN = 5 * 60_000;

/**
 * @typedef {object} Follower
 * @property {() => Part} rooms the rooms to follow, with their cursors as they are now
 * @property {(event: ServerEvent) => void} event
 * @property {(state: State) => void} state
 */
/** @typedef {{ isHeard: boolean, heardAt: number, timer: ReturnType<typeof setTimeout> | undefined }} Sign */

export class Line {
  #client;
  #follower;
  #history;
  /** @type {Transport} */
  #wanted;
  /** The controller that ends the open request. @type {AbortController | undefined} */
  #open;
  /** Of each part, when it was heard. @type {Sign[]} */
  #signs = [];
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #again;
  #untilAgain = STREAM_AGAIN;
  #isHeldBack = false;
  /** Between two tries. */
  #isWaiting = false;
  /** Other rooms are wanted than those that are being opened. */
  #isStale = false;
  #isClosed = false;
  #revive = () => this.#look();
  /** @type {State} */
  state = { name: 'connecting', transport: undefined, detail: '' };

  /**
   * @param {Client} client
   * @param {Follower} follower
   * @param {{ transport?: Transport, history?: number }} options
   */
  constructor(client, follower, { transport = 'auto', history }) {
    this.#client = client;
    this.#follower = follower;
    this.#wanted = transport;
    this.#history = history;
    this.#start();
    globalThis.addEventListener?.('online', this.#revive);
    globalThis.document?.addEventListener('visibilitychange', this.#revive);
  }

  get transport() {
    return this.#wanted;
  }

  /**
   * Goes on by another transport, from the cursors.
   * @param {Transport} transport
   */
  setTransport(transport) {
    this.#wanted = transport;
    this.#failures = 0;
    this.#isHeldBack = false;
    clearTimeout(this.#again);
    this.#start();
  }

  /** Goes on with the rooms there are now, from their cursors; at once, or when what is being opened has come through. */
  changeRooms() {
    if (this.#isHeard) this.#start({ isQuiet: true });
    else this.#isStale = true;
  }

  close() {
    globalThis.removeEventListener?.('online', this.#revive);
    globalThis.document?.removeEventListener('visibilitychange', this.#revive);
    clearTimeout(this.#again);
    this.#isClosed = true;
    this.#shut();
  }

  #shut() {
    for (const { timer } of this.#signs) clearTimeout(timer);
    this.#open?.abort();
    this.#open = undefined;
  }

  /** All parts have come through. */
  get #isHeard() {
    return this.#signs.length > 0 && this.#signs.every(({ isHeard }) => isHeard);
  }

  /** `isQuiet` if nothing is wrong: then nothing is said of it. */
  #start({ isQuiet = false } = {}) {
    const transport = this.#wanted === 'auto' ? (this.#isHeldBack ? 'poll' : 'stream') : this.#wanted;
    if (!open[transport]) throw new TypeError(`there is no transport ${transport}`);
    this.#shut();
    if (this.#isClosed) return;
    const control = new AbortController();
    this.#open = control;
    this.#isWaiting = false;
    this.#isStale = false;
    if (!isQuiet) this.#say(this.state.name === 'connecting' ? 'connecting' : 'reconnecting', '', transport);
    const all = parts(transport, this.#follower.rooms());
    const turns = new Turns(all.length);
    this.#signs = all.map(() => ({ isHeard: false, heardAt: 0, timer: undefined }));
    all.forEach((part, index) => {
      this.#listen(control, transport, part, this.#signs[index], turns);
      this.#watch(FIRST_EVENT, transport, this.#signs[index]);
    });
  }

  /**
   * @param {AbortController} control
   * @param {Way} transport
   * @param {Part} part
   * @param {Sign} sign
   * @param {Turns} turns
   */
  #listen(control, transport, part, sign, turns) {
    const isCurrent = () => this.#open === control;
    open[transport](this.#client, part, { history: this.#history }, {
      signal: control.signal,
      cursor: (room) => this.#follower.rooms().find(([each]) => each === room)?.[1],
      // What a line that was shut still has to say is of no interest: its successor says it again.
      event: (event) => {
        if (!isCurrent()) return;
        this.#alive(transport, sign);
        if (event.type === 'auth_expiring') this.#renew(event.stream);
        this.#follower.event(event);
      },
      alive: () => isCurrent() && this.#alive(transport, sign),
      broken: (detail) => {
        if (!isCurrent()) return;
        sign.isHeard = false;
        this.#watch(FIRST_EVENT + LONGEST_PAUSE, transport, sign);
        this.#say('reconnecting', detail ?? '');
      },
      ended: (error, pause) => isCurrent() && this.#ended(transport, error, pause),
    }, turns);
  }

  /** Has a connection go on by the cookie that is good now. If there is none the server ends it, and says so. @param {string} stream */
  #renew(stream) {
    this.#client.ask(`${this.#client.base}/streams/${encodeURIComponent(stream)}/token`, { method: 'POST' }).catch(() => {});
  }

  /**
   * @param {State['name']} name
   * @param {string} [detail]
   * @param {State['transport']} [transport]
   */
  #say(name, detail = '', transport = this.state.transport) {
    this.state = { name, transport, detail };
    this.#follower.state(this.state);
  }

  /**
   * @param {Way} transport
   * @param {Sign} sign
   */
  #alive(transport, sign) {
    const wasHeard = this.#isHeard;
    sign.isHeard = true;
    sign.heardAt = Date.now();
    this.#watch(SILENCE, transport, sign);
    if (wasHeard || !this.#isHeard) return;
    this.#failures = 0;
    if (transport === 'stream') this.#untilAgain = STREAM_AGAIN;
    this.#say('connected');
    // Not amid the event that was heard: its cursor is to move first.
    if (this.#isStale) queueMicrotask(() => this.#isStale && this.changeRooms());
  }

  /**
   * @param {number} milliseconds
   * @param {Way} transport
   * @param {Sign} sign
   */
  #watch(milliseconds, transport, sign) {
    clearTimeout(sign.timer);
    // Each poll has a deadline of its own.
    if (transport === 'poll') return;
    sign.timer = setTimeout(() => {
      if (sign.isHeard) this.#start();
      else if (transport === 'stream' && this.#wanted === 'auto') this.#fallBack();
      else this.#ended(transport);
    }, milliseconds);
  }

  #fallBack() {
    this.#isHeldBack = true;
    this.#start();
    clearTimeout(this.#again);
    this.#again = setTimeout(() => {
      this.#isHeldBack = false;
      // While polls fail too, the next line is a stream anyway.
      if (this.#isHeard) this.#start();
    }, this.#untilAgain);
    this.#untilAgain *= 2;
  }

  /** The network is back, or the page is looked at again. */
  #look() {
    if (this.#isClosed || globalThis.document?.hidden) return;
    const isSilent = (/** @type {Sign} */ { heardAt }) => Date.now() - heardAt > SILENCE;
    if (this.#isWaiting) this.#start();
    else if (this.#isHeard && this.state.transport !== 'poll' && this.#signs.some(isSilent)) this.#start();
  }

  /**
   * @param {Way} transport
   * @param {unknown} [error]
   * @param {number} [pause]
   */
  async #ended(transport, error, pause) {
    const hadHeard = this.#signs.some(({ isHeard }) => isHeard);
    this.#shut();
    const control = new AbortController();
    this.#open = control;
    this.#signs = [];
    this.#say('reconnecting');
    let reason = error;
    // A stream or a socket gives no reason for being turned away; a poll would.
    if (!reason && !hadHeard && transport !== 'poll') {
      try {
        const url = address(this.#client, this.#follower.rooms().slice(0, 1), 'poll', { wait: 0, history: 0 });
        await this.#client.ask(url, { signal: control.signal });
        if (this.#open === control && transport === 'stream' && this.#wanted === 'auto') return this.#fallBack();
      } catch (refusal) {
        reason = refusal;
      }
      if (this.#open !== control) return undefined;
    }
    const refused = reason instanceof Refused ? reason : undefined;
    if (refused?.isFinal) return this.#say('refused', refused.message);
    this.#isWaiting = true;
    this.#say('reconnecting', refused?.message ?? '');
    await this.#client.pause(refused?.retryAfter ?? pause ?? backoff(this.#failures++));
    if (this.#open === control) this.#start();
    return undefined;
  }
}
