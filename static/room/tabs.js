// One line for all tabs of a browser that follow the same room as the same user: a browser has six connections to a host.
import { Client, Room } from '../client/parlor.js';
import { fold } from '../shared/names.js';

/** How long another tab's line may be silent, its pings included, before a visible tab takes it over. */
const SILENCE = 75_000;
/** How many events are kept while the past is fetched; with more it is fetched again. */
const KEPT = 500;

/** Like `connect`, by the line of another tab where there is one. */
export function connectShared(room, options) {
  // Locks exist only in secure contexts; without them each tab has a line of its own.
  const canShare = globalThis.navigator?.locks && globalThis.BroadcastChannel;
  try {
    if (canShare) return new SharedRoom(room, options);
  } catch {
    // Where site data is blocked, some browsers allow no channel.
  }
  return new Room(room, options);
}

/**
 * The tab that holds the lock leads: it has the line and passes every event on. The others take the
 * past from the server themselves, and an event that does not follow their cursor sends them there
 * again: ids have no gaps, so nothing is missed whatever a channel does.
 */
class SharedRoom extends Client {
  #name;
  #channel;
  #transport;
  #line;
  #degraded;
  #release;
  #turn = new AbortController();
  #fetching;
  #kept = [];
  #heardAt = Date.now();
  #watchdog;
  #look = () => this.#lookAtLeader();

  constructor(room, options) {
    super(room, options);
    this.#transport = options.transport ?? 'auto';
    this.#name = `parlor:${room}:${fold(this.username ?? '')}`;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    document.addEventListener('visibilitychange', this.#look);
    this.#watchdog = setInterval(() => {
      // A poll in a quiet room, or a server that is away, gives nothing to pass on. In a hidden tab this comes once a minute.
      if (this.#line) this.#tell({ isAlive: true });
      else this.#lookAtLeader();
    }, SILENCE / 5);
    this.#start();
  }

  get transport() {
    return this.#transport;
  }

  get isLeading() {
    return this.#line !== undefined;
  }

  setTransport(transport) {
    this.#transport = transport;
    this.#line?.setTransport(transport);
    this.#tell({ transport });
  }

  close() {
    super.close();
    document.removeEventListener('visibilitychange', this.#look);
    clearInterval(this.#watchdog);
    this.#turn.abort();
    this.#resign();
    this.#channel.close();
  }

  async #start() {
    const leads = await this.#request({ ifAvailable: true });
    if (leads || this.isClosed) return;
    this.#tell({ hello: true });
    this.#catchUp();
    this.#request({ signal: this.#turn.signal });
  }

  /** Leads once it has the lock, until it closes or another tab steals it. Whether it had it. */
  async #request(options) {
    try {
      return await navigator.locks.request(this.#name, options, (lock) => lock && this.#lead());
    } catch (error) {
      // Where site data is blocked there are no locks to be had, so this tab needs no other's leave.
      if (error.name !== 'AbortError') return this.#lead();
      this.#resign();
      // Stolen: this tab was silent for too long, and waits for its turn like any other.
      if (!this.isClosed && !this.#turn.signal.aborted) this.#request({ signal: this.#turn.signal });
      return false;
    }
  }

  #lead() {
    if (this.isClosed) return false;
    this.#fetching?.abort();
    this.#fetching = undefined;
    this.#kept = [];
    const { room, username, base, cursor } = this;
    const line = new Room(room, { username, base, since: cursor, transport: this.#transport });
    this.#line = line;
    line.addEventListener('event', ({ detail }) => {
      if (detail.type === 'service_status') this.#degraded = detail.status === 'degraded' ? detail : undefined;
      this.receive(detail);
      this.#tell({ event: detail });
    });
    line.addEventListener('state', ({ detail }) => {
      if (this.#line !== line) return;
      if (detail.name === 'connected') this.#degraded = undefined;
      this.#follow(detail);
      this.#tell({ state: detail });
    });
    this.#follow(line.state);
    return new Promise((resolve) => {
      this.#release = () => resolve(true);
    });
  }

  #resign() {
    const line = this.#line;
    this.#line = undefined;
    line?.close();
    this.#release?.();
  }

  #follow({ name, detail, transport }) {
    this.setState(name, detail, transport);
  }

  #tell(words) {
    if (!this.isClosed) this.#channel.postMessage(words);
  }

  #hear({ hello, state, event, transport, isAlive }) {
    if (transport) {
      this.#transport = transport;
      this.#line?.setTransport(transport);
    }
    if (hello && this.#line) {
      this.#tell({ state: this.#line.state });
      this.#tell({ transport: this.#transport });
      if (this.#degraded) this.#tell({ event: this.#degraded });
    }
    if (this.#line || !(state || event || isAlive)) return;
    this.#heardAt = Date.now();
    if (state) this.#follow(state);
    if (event) this.#take(event);
  }

  #take(event) {
    if (this.#fetching) {
      this.#kept.push(event);
      if (this.#kept.length > KEPT) this.#kept.splice(0);
      return;
    }
    const isOrdered = event.id !== undefined && !['message_history', 'ping'].includes(event.type);
    const reached = event.type === 'ping' ? event.cursor : event.id - 1;
    if ((isOrdered || event.type === 'ping') && reached > (this.cursor ?? -1)) {
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
      // Without a name: the leader says who is here, and a poll's lease would outlast the tab.
      const since = this.cursor === undefined ? {} : { since: this.cursor, state: 'new' };
      const query = new URLSearchParams({ wait: 0, ...since });
      try {
        const answer = await this.ask(`${this.path}/poll?${query}`, { signal: fetching.signal });
        if (!isCurrent()) return;
        answer.events.forEach((event) => this.receive(event));
        more = answer.has_more;
      } catch {
        if (isCurrent()) await this.pause(Math.min(30_000, 500 * 2 ** failures++));
      }
    }
    if (!isCurrent()) return;
    this.#fetching = undefined;
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
