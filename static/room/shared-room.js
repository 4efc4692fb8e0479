// One line for all tabs of a browser that read as the same user: a browser has six connections to a host.
/** @import { ServerEvent, ServerEvents, State, Transport } from '../client/events.js' */
import { Client, newClientId } from '../client/client.js';
import { advance, isAhead, params } from '../client/cursor.js';
import { Line } from '../client/line.js';
import { isFinal } from '../client/request.js';
import { Room } from '../client/room.js';
import { fold } from '../shared/names.js';
import { Tabs } from './tabs.js';

/** The time that another tab's line may be silent, its pings included, before a visible tab takes it over, in milliseconds. */
const SILENCE = 75_000;
/** The number of events kept while the past is fetched; with more it is fetched again. */
const KEPT = 500;

/** @typedef {{ username?: string, transport?: Transport }} Options */
/**
 * The messages between tabs. Of the leader: `leads`, `isAlive`, `state`, `event`. Of who is led: `hello`; `want`, the
 * room to be followed; `left`, a tab that is closed. Of all: `transport`, chosen for all.
 * @typedef {object} Words
 * @property {true} [leads]
 * @property {true} [isAlive]
 * @property {State} [state]
 * @property {ServerEvent} [event]
 * @property {true} [hello]
 * @property {{ tab: string, room: string, cursor: number }} [want]
 * @property {string} [left]
 * @property {Transport} [transport]
 */

/** Locks exist only in secure contexts; without them each tab has a line of its own. */
export const canShare = () => Boolean(globalThis.navigator?.locks && globalThis.BroadcastChannel);

/**
 * Like `connect`, by the line of another tab where there is one.
 * @param {string} room
 * @param {Options} options
 */
export function connectShared(room, options) {
  try {
    if (canShare()) return new SharedRoom(room, options);
  } catch {
    // Where site data is blocked, some browsers allow no channel.
  }
  return new Room(room, options);
}

/**
 * The tab that holds the lock leads: its line follows the rooms of all tabs, and it passes every event on. The others
 * take the past from the server themselves and then have their room followed from there; an event that does not follow
 * their cursor sends them to the server again: ids have no gaps, so nothing is missed whatever a channel does.
 */
export class SharedRoom extends Client {
  #tab = newClientId();
  #name;
  #channel;
  /** @type {Transport} */
  #transport;
  /** The line, if this tab is the leader. @type {Line | undefined} */
  #line;
  #tabs = new Tabs();
  /** @type {ServerEvents['service_status'] | undefined} */
  #degraded;
  /** @type {(() => void) | undefined} */
  #release;
  #turn = new AbortController();
  #life = new AbortController();
  /** @type {AbortController | undefined} */
  #fetching;
  /** @type {ServerEvent[]} */
  #kept = [];
  #isBehind = false;
  #heardAt = Date.now();
  #watchdog;
  #look = () => this.#lookAtLeader();

  /**
   * @param {string} room
   * @param {Options} options
   */
  constructor(room, options) {
    super(room, options);
    this.#transport = options.transport ?? 'auto';
    this.#name = `parlor:${fold(options.username ?? '')}`;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    document.addEventListener('visibilitychange', this.#look);
    // In a hidden tab this comes once a minute.
    this.#watchdog = setInterval(() => (this.#line ? this.#lead() : this.#lookAtLeader()), SILENCE / 5);
    this.#start();
  }

  get transport() {
    return this.#transport;
  }

  get isLeading() {
    return this.#line !== undefined;
  }

  /** @param {Transport} transport */
  setTransport(transport) {
    this.#transport = transport;
    this.#line?.setTransport(transport);
    this.#say({ transport });
  }

  close() {
    this.#say({ left: this.#tab });
    super.close();
    document.removeEventListener('visibilitychange', this.#look);
    clearInterval(this.#watchdog);
    this.#turn.abort();
    this.#life.abort();
    this.#resign();
    this.#channel.close();
  }

  async #start() {
    // Held as long as the tab is there, also if it crashes.
    const isOver = new Promise((resolve) => this.#life.signal.addEventListener('abort', resolve));
    navigator.locks.request(this.#lockOf(this.#tab), () => isOver).catch(() => {});
    const leads = await this.#request({ ifAvailable: true });
    if (leads || this.isClosed) return;
    this.#say({ hello: true });
    this.#catchUp();
    this.#request({ signal: this.#turn.signal });
  }

  /** @param {string} tab */
  #lockOf(tab) {
    return `${this.#name}:tab:${tab}`;
  }

  /**
   * Leads once it has the lock, until it closes or another tab steals it. Resolves to true if it had it.
   * @param {LockOptions} options
   * @returns {Promise<boolean>}
   */
  async #request(options) {
    try {
      return Boolean(await navigator.locks.request(`${this.#name}:line`, options, (lock) => lock && this.#takeLead()));
    } catch (error) {
      // Where site data is blocked there are no locks to be had, so this tab needs no other's leave.
      if (/** @type {Error} */ (error).name !== 'AbortError') return this.#takeLead();
      const wasLeading = this.isLeading;
      this.#resign();
      // Stolen: this tab was silent for too long, and waits for its turn like any other.
      if (wasLeading) this.#want();
      if (!this.isClosed && !this.#turn.signal.aborted) this.#request({ signal: this.#turn.signal });
      return false;
    }
  }

  /** @returns {false | Promise<boolean>} */
  #takeLead() {
    if (this.isClosed) return false;
    this.#fetching?.abort();
    this.#fetching = undefined;
    this.#kept = [];
    this.#tabs = new Tabs();
    this.#tabs.add(this.#tab, this.room, this.cursor);
    this.#line = new Line(this, {
      rooms: () => this.#tabs.rooms,
      event: (event) => this.#pass(event),
      state: (state) => {
        if (state.name === 'connected') this.#degraded = undefined;
        this.setState(state);
        this.#say({ state });
      },
    }, { transport: this.#transport });
    this.#say({ leads: true });
    return new Promise((resolve) => {
      this.#release = () => resolve(true);
    });
  }

  #resign() {
    this.#line?.close();
    this.#line = undefined;
    this.#release?.();
  }

  /**
   * An event from the line, for this tab or others.
   * @param {ServerEvent} event
   */
  #pass(event) {
    // The end of a credential, which all tabs share, is of no room.
    if (event.room === undefined) {
      this.#say({ event });
      this.receive(event);
      return;
    }
    if (event.type === 'service_status') this.#degraded = event.status === 'degraded' ? event : undefined;
    const { cursor, isNew } = advance(this.#tabs.cursor(event.room), event);
    if (!isNew) return;
    this.#tabs.move(event.room, cursor);
    this.#say({ event });
    if (this.#isOurs(event)) this.receive(event);
  }

  /** Returns true for an event about the server, which is told to all. @param {ServerEvent} event */
  #isOurs(event) {
    return event.room === this.room || event.room === undefined || event.type === 'service_status' || event.type === 'server_shutdown';
  }

  /** Shows that it is there, and looks which others are: one that crashed did not say that it left. */
  async #lead() {
    // A poll in a quiet room, or a server that is away, gives nothing to pass on.
    this.#say({ isAlive: true });
    const before = new Set(this.#tabs.open);
    const { held = [] } = await navigator.locks.query();
    const names = new Set(held.map(({ name }) => name));
    this.#keep((tab) => !before.has(tab) || names.has(this.#lockOf(tab)));
  }

  /** @param {(tab: string) => boolean} isThere */
  #keep(isThere) {
    if (this.#tabs.keep((tab) => tab === this.#tab || isThere(tab))) this.#line?.changeRooms();
  }

  /** Has this tab's room followed from where it is. */
  #want() {
    if (this.cursor !== undefined) this.#say({ want: { tab: this.#tab, room: this.room, cursor: this.cursor } });
  }

  /** @param {Words} words */
  #say(words) {
    if (!this.isClosed) this.#channel.postMessage(words);
  }

  /** @param {Words} words */
  #hear({ leads, isAlive, state, event, hello, want, left, transport }) {
    if (transport) {
      this.#transport = transport;
      this.#line?.setTransport(transport);
    }
    if (this.#line) {
      if (hello) this.#greet(this.#line);
      if (want && this.#tabs.add(want.tab, want.room, want.cursor)) this.#line.changeRooms();
      if (left) this.#keep((tab) => tab !== left);
      return;
    }
    if (!(leads || isAlive || state || event)) return;
    this.#heardAt = Date.now();
    // Told at the end of a catch-up otherwise; and again and again, whatever was not heard.
    if ((leads || isAlive) && !this.#fetching) this.#want();
    if (state) this.setState(state);
    if (event && this.#isOurs(event)) this.#take(event);
  }

  /** @param {Line} line */
  #greet({ state }) {
    this.#say({ state });
    this.#say({ transport: this.#transport });
    if (this.#degraded) this.#say({ event: this.#degraded });
  }

  /** @param {ServerEvent} event */
  #take(event) {
    if (this.#fetching) {
      this.#kept.push(event);
      if (this.#kept.length <= KEPT) return;
      this.#kept = [];
      this.#isBehind = true;
    } else if (event.room === this.room && isAhead(this.cursor, event)) {
      this.#kept.push(event);
      this.#catchUp();
    } else {
      this.receive(event);
    }
  }

  /** Fetches all up to now, then takes what was passed on meanwhile. */
  async #catchUp() {
    const fetching = new AbortController();
    this.#fetching = fetching;
    const isCurrent = () => this.#fetching === fetching && !this.isClosed;
    for (let failures = 0, more = true; more && isCurrent(); ) {
      this.#isBehind = false;
      // Without a name: the leader says who is here, and a poll's lease would outlast the tab.
      const query = params({ wait: 0, since: this.cursor, state: this.cursor === undefined ? undefined : 'new' });
      try {
        const answer = await this.ask(`${this.path}/poll?${query}`, { signal: fetching.signal });
        if (!isCurrent()) return;
        /** @type {ServerEvent[]} */ (answer.events).forEach((event) => this.receive(event));
        more = answer.has_more || this.#isBehind;
      } catch (error) {
        // The room is there no longer, as far as the user may know.
        if (isCurrent() && isFinal(error)) {
          this.#fetching = undefined;
          this.setState({ ...this.state, name: 'refused', detail: error.message });
        }
        if (isCurrent()) await this.pause(Math.min(30_000, 500 * 2 ** failures++));
      }
    }
    if (!isCurrent()) return;
    this.#fetching = undefined;
    this.#want();
    this.#kept.splice(0).forEach((event) => this.#take(event));
  }

  #lookAtLeader() {
    if (this.#line || document.hidden || this.isClosed || Date.now() - this.#heardAt < SILENCE) return;
    this.#heardAt = Date.now();
    this.#turn.abort();
    this.#turn = new AbortController();
    this.#request({ steal: true });
  }
}
