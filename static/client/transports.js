// The three ways to read events: one part of a line each, opened from the cursors of its rooms.
/** @import { Client } from './client.js' */
/** @import { ServerEvent, Transport } from './events.js' */
import { pathOf } from './client.js';
import { byName, params } from './cursor.js';

/** The server takes no more rooms on one stream. */
const MOST_ROOMS = 50;
/** The time that a poll waits on the server, in seconds, and how much longer it may take, in milliseconds. */
const POLL_WAIT = 25;
const POLL_SLACK = 15_000;
/** So many polls wait at a time: a browser has six connections to a host. */
const MOST_POLLS = 3;

/**
 * The rooms, with their cursors, that one connection reads.
 * @typedef {[room: string, cursor: number | undefined][]} Part
 */
/**
 * The listener of a part. `broken` says that the browser tries again by itself, `ended` that nothing more comes.
 * @typedef {object} Listener
 * @property {AbortSignal} signal
 * @property {(event: ServerEvent) => void} event
 * @property {() => void} alive
 * @property {(detail?: string) => void} broken
 * @property {(error?: unknown, pause?: number) => void} ended
 * @property {(room: string) => number | undefined} cursor
 */
/** @typedef {Exclude<Transport, 'auto'>} Way */

/**
 * The parts of a line: a stream has as many rooms as it may, a socket and a poll one.
 * @param {Way} transport
 * @param {Part} rooms
 * @returns {Part[]}
 */
export function parts(transport, rooms) {
  const size = transport === 'stream' ? MOST_ROOMS : 1;
  return Array.from({ length: Math.ceil(rooms.length / size) }, (_, index) => rooms.slice(index * size, (index + 1) * size));
}

/**
 * The address of a part; `path` is that of a room, below it.
 * @param {Client} client
 * @param {Part} part
 * @param {string} path
 * @param {Record<string, unknown>} query
 */
export function address({ base, username }, part, path, query) {
  const [[room, since]] = part;
  if (part.length === 1) return `${pathOf(base, room)}/${path}?${params({ since, username, ...query })}`;
  const rooms = part.map(([each]) => each).join(',');
  return `${base}/${path}?${params({ rooms, since: byName(part), username, ...query })}`;
}

/**
 * @type {Record<Way, (client: Client, part: Part, query: Record<string, unknown>, listener: Listener, polls: Turns) => unknown>}
 */
export const open = {
  stream(client, part, query, listener) {
    // Without names one listener gets every type, also one that is not known here.
    const source = new EventSource(address(client, part, 'stream', { named: false, ...query }));
    listener.signal.addEventListener('abort', () => source.close());
    source.onmessage = ({ data }) => listener.event(JSON.parse(data));
    source.onerror = (event) => {
      const data = 'data' in event ? String(event.data) : '';
      // With data it is an event of the server: it turns us away for now.
      if (data) listener.broken(JSON.parse(data).detail);
      // The browser tries again by itself, though with good reason not always.
      else if (source.readyState === EventSource.CLOSED) listener.ended();
      else listener.broken();
    };
  },

  websocket(client, part, query, listener) {
    const url = new URL(address(client, part, 'ws', query), globalThis.location?.href);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url);
    /** @type {number | undefined} */
    let pause;
    listener.signal.addEventListener('abort', () => socket.close());
    socket.onmessage = ({ data }) => {
      const event = JSON.parse(data);
      if (event.type === 'server_shutdown') pause = event.reconnect_after_ms * (1 + Math.random());
      listener.event(event);
    };
    socket.onclose = () => listener.ended(undefined, pause);
  },

  async poll(client, part, query, listener, polls) {
    const [[room, since]] = part;
    // Any unknown word makes the first answer say who is here.
    let state = since === undefined ? undefined : 'new';
    let wait = 0;
    while (!listener.signal.aborted) {
      const done = await polls.take();
      try {
        if (listener.signal.aborted) return;
        const url = address(client, [[room, listener.cursor(room)]], 'poll', { ...query, wait, state });
        const answer = await client.ask(url, { signal: listener.signal, patience: wait * 1000 + POLL_SLACK });
        listener.alive();
        for (const event of answer.events) listener.event(event);
        state = answer.state;
        wait = polls.wait;
      } catch (error) {
        listener.ended(error);
        return;
      } finally {
        done();
      }
    }
  },
};

/** The polls of a line, of which only so many wait at a time; the others wait for their turn. */
export class Turns {
  #free = MOST_POLLS;
  /** @type {(() => void)[]} */
  #waiting = [];
  /** The time that each may wait on the server, in seconds: the more there are, the sooner the next has its turn. */
  wait;

  /** @param {number} count how many polls there are */
  constructor(count) {
    this.wait = count > MOST_POLLS ? 1 : POLL_WAIT;
  }

  /** Resolves when it is one's turn, to what ends it. */
  async take() {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise((resolve) => this.#waiting.push(() => resolve(undefined)));
    return () => {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    };
  }
}
