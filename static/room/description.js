// The description of the room: its title and topic, who may do what in it, and the user's role; asked for once, kept up by events.
/** @import { Client } from '../client/client.js' */
/** @import { Role, ServerEvents } from '../client/events.js' */
import { Emitter } from '../client/emitter.js';
import { Refused } from '../client/request.js';
import { fold } from '../shared/names.js';
import { load } from '../shared/store.js';

/**
 * The room as the server describes it; what follows the topic only where credentials are required.
 * @typedef {object} Described
 * @property {string} [title]
 * @property {string} [topic]
 * @property {'public' | 'private'} [visibility]
 * @property {'everyone' | 'moderators'} [posting]
 * @property {number} [slow_mode]
 * @property {Role | null} [role]
 */

/**
 * Tells by `change` that the room is described otherwise than before, and by `updated` what somebody has changed.
 * @extends {Emitter<{ change: undefined, updated: { id: number, before: Described, after: Described } }>}
 */
export class Description extends Emitter {
  #client;
  #isKnown;
  #isMade = true;
  #updated = 0;
  /** @type {Described} */
  room;

  /**
   * @param {Client} client
   * @param {Described} [first] as the server has just described it
   */
  constructor(client, first) {
    super();
    this.#client = client;
    this.#isKnown = Boolean(first);
    this.room = first ?? load('sessionStorage', `parlor:room:${client.room}`) ?? {};
    this.#learn();
    // A room nobody has made is not there to be asked about again until something happens in it.
    client.addEventListener('message_history', () => (this.#isMade || client.cursor) && this.#learn());
    client.addEventListener('chat_message', () => this.#learn());
    client.addEventListener('reset', () => {
      [this.#isKnown, this.#updated] = [false, 0];
    });
    client.addEventListener('room_updated', ({ detail: { id, title, topic, visibility, posting, slow_mode } }) => {
      const before = this.room;
      this.#change(id, { title, topic, ...(visibility && { visibility, posting, slow_mode }) });
      this.tell('updated', { id, before, after: this.room });
    });
    const ofMember = (/** @type {{ detail: ServerEvents['member_joined' | 'member_changed' | 'member_left'] }} */ { detail }) => {
      if (fold(detail.username) === fold(client.username ?? '')) this.#change(detail.id, { role: 'role' in detail ? detail.role : null });
    };
    client.addEventListener('member_joined', ofMember);
    client.addEventListener('member_changed', ofMember);
    client.addEventListener('member_left', ofMember);
  }

  async #learn() {
    if (this.#isKnown) return;
    this.#isKnown = true;
    try {
      const answer = await this.#client.ask(this.#client.path);
      // What an event has said since is newer.
      if (answer.head >= this.#updated) this.#change(this.#updated, answer);
    } catch (error) {
      this.#isKnown = false;
      this.#isMade = !(error instanceof Refused && error.status === 404);
    }
  }

  /**
   * @param {number} id
   * @param {Described} change
   */
  #change(id, change) {
    this.#updated = id;
    this.room = { ...this.room, ...change };
    this.tell('change');
  }
}
