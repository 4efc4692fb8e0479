// The messages that the page knows, shown or quoted: each as it is now, whatever comes from where in which order.
/** @import { Client } from '../client/client.js' */
/** @import { Message, Reaction, ServerEvents } from '../client/events.js' */
import { Emitter } from '../client/emitter.js';
import { isFinal } from '../client/request.js';
import { fold } from '../shared/names.js';

const CHANGES = /** @type {const} */ (['message_edited', 'message_deleted', 'reaction_added', 'reaction_removed']);
/** The number of quoted messages fetched at a time: a browser has six connections to a host, and one is the line. */
const AT_ONCE = 2;

/** @typedef {ServerEvents[typeof CHANGES[number]]} Change */
/**
 * A message as it is known: of each reaction whether it is the user's own, undefined if that can't be told yet; `isGone`
 * if the server has it no longer.
 * @typedef {Omit<Message, 'reactions'> & { reactions: (Reaction & { isOwn?: boolean })[], isGone?: boolean }} Shown
 */

/**
 * Tells by a `change` event with the message as `detail` when one has changed, or is known at last.
 * @extends {Emitter<{ change: Shown }>}
 */
export class Known extends Emitter {
  #client;
  #me;
  /** @type {Map<number, Shown>} */
  #messages = new Map();
  /** Changes that came while something is being fetched: the answer may be from before them. @type {Change[]} */
  #meanwhile = [];
  #fetching = 0;
  /** @type {Set<number>} */
  #wanted = new Set();
  #asking = 0;
  /** The ids of those that name too few to say which reactions are the user's own. @type {Set<number>} */
  #unsure = new Set();
  #isAskingWhose = false;

  /** @param {Client} client */
  constructor(client) {
    super();
    this.#client = client;
    this.#me = fold(client.username ?? '');
    for (const type of CHANGES) client.addEventListener(type, ({ detail }) => this.#change(detail));
    client.addEventListener('reset', () => {
      this.#messages = new Map();
      this.#wanted.clear();
      this.#unsure.clear();
    });
    client.addEventListener('state', ({ detail }) => {
      if (detail.name !== 'connected') return;
      this.#ask();
      this.#askWhose();
    });
  }

  get size() {
    return this.#messages.size;
  }

  /** @param {number} id */
  get(id) {
    return this.#messages.get(id);
  }

  /**
   * Messages as they come; they are answered as they are known.
   * @param {Message[]} messages
   */
  add(messages) {
    return messages.map((message) => this.#take(owned(message, this.get(message.id), this.#me)));
  }

  /**
   * A page of messages, as `Client.messages`.
   * @param {{ before?: number, after?: number, limit?: number }} query
   */
  async page(query) {
    return this.#fetch(() => this.#client.messages(query), (page, current) => ({ ...page, messages: page.messages.map(current) }));
  }

  /**
   * A message that is quoted; if it is not known yet, a `change` tells when it is.
   * @param {number} id
   */
  quoted(id) {
    const message = this.get(id);
    if (!message) {
      this.#wanted.add(id);
      this.#ask();
    }
    return message;
  }

  /** Forgets all but these ids. @param {Set<number>} ids */
  keep(ids) {
    for (const id of this.#messages.keys()) if (!ids.has(id)) this.#messages.delete(id);
  }

  /** @param {Change} event */
  #change(event) {
    if (this.#fetching) this.#meanwhile.push(event);
    const message = this.get(event.message_id);
    if (message) this.#learn(changed(message, event, this.#me));
  }

  /** @param {Shown} message */
  #learn(message) {
    this.#take(message);
    this.tell('change', message);
  }

  /**
   * @param {Shown} message
   * @param {Map<number, Shown>} messages
   */
  #take(message, messages = this.#messages) {
    messages.set(message.id, message);
    if (message.reactions.some(({ isOwn }) => isOwn === undefined)) {
      this.#unsure.add(message.id);
      this.#askWhose();
    }
    return message;
  }

  /**
   * @template Answer, Result
   * @param {() => Promise<Answer>} ask
   * @param {(answer: Answer, current: (message: Message) => Shown) => Result} use
   */
  async #fetch(ask, use) {
    const messages = this.#messages;
    this.#fetching += 1;
    try {
      return use(await ask(), (message) => {
        const events = this.#meanwhile.filter(({ message_id: id }) => id === message.id);
        const current = owned(message, this.get(message.id), this.#me);
        // After a reset this is a map that nobody looks at any more.
        return this.#take(events.reduce((before, event) => changed(before, event, this.#me), current), messages);
      });
    } finally {
      this.#fetching -= 1;
      if (!this.#fetching) this.#meanwhile = [];
    }
  }

  /**
   * Resolves to true if the user is among those who reacted: only the first ten are named with a message.
   * @param {number} id
   * @param {string} emoji
   */
  async hasReacted(id, emoji) {
    for (let after = /** @type {number | null} */ (0); after !== null; ) {
      const page = await this.#client.reactors(id, emoji, { after, limit: 200 });
      if (page.users.some(({ username }) => fold(username) === this.#me)) return true;
      after = page.next;
    }
    return false;
  }

  /** One after the other: this is of no hurry. */
  async #askWhose() {
    if (this.#isAskingWhose) return;
    this.#isAskingWhose = true;
    for (const id of this.#unsure) {
      const unsure = this.get(id)?.reactions.find(({ isOwn }) => isOwn === undefined);
      this.#unsure.delete(id);
      if (!unsure) continue;
      let isOwn = false;
      try {
        isOwn = await this.hasReacted(id, unsure.emoji);
      } catch (error) {
        // What is no longer there is nobody's; anything else is asked again once the line is up.
        if (!isFinal(error)) {
          this.#unsure.add(id);
          break;
        }
      }
      const message = this.get(id);
      const answer = (/** @type {Shown['reactions'][number]} */ each) => (each.emoji === unsure.emoji ? { ...each, isOwn: each.isOwn ?? isOwn } : each);
      if (message) this.#learn({ ...message, reactions: message.reactions.map(answer) });
    }
    this.#isAskingWhose = false;
  }

  async #ask() {
    if (this.#asking >= AT_ONCE) return;
    this.#asking += 1;
    for (const id of this.#wanted) {
      this.#wanted.delete(id);
      const messages = this.#messages;
      try {
        const message = await this.#fetch(() => this.#client.message(id), (answer, current) => current(answer));
        if (messages === this.#messages) this.#learn(message);
      } catch (error) {
        if (isFinal(error)) this.#learn(gone(id, this.#client.room));
        // Asked again once the line is up.
        else if (messages === this.#messages) this.#wanted.add(id);
        if (!isFinal(error)) break;
      }
    }
    this.#asking -= 1;
  }
}

/**
 * A stand-in for a message that the server no longer has.
 * @param {number} id
 * @param {string} room
 * @returns {Shown}
 */
function gone(id, room) {
  const nothing = { edited_at: null, deleted_at: null, reply_to: null, client_id: null };
  return { ...nothing, id, room, username: '', content: '', timestamp: '', reactions: [], isGone: true };
}

/**
 * A message that says of each reaction whether it is the user's own; undefined where neither its names, the event nor what was known before tell.
 * @param {Message | Shown} message
 * @param {Shown | undefined} before
 * @param {string} me
 * @param {Change} [event]
 * @returns {Shown}
 */
export function owned(message, before, me, event) {
  const isMe = (/** @type {string} */ name) => fold(name) === me;
  const isOwn = (/** @type {Reaction} */ { emoji, count, usernames }) => {
    if (usernames.some(isMe) || count <= usernames.length) return usernames.some(isMe);
    if (event && 'emoji' in event && event.emoji === emoji && isMe(event.username)) return event.type === 'reaction_added';
    return before?.reactions.find((each) => each.emoji === emoji)?.isOwn;
  };
  return { ...message, reactions: message.reactions.map((reaction) => ({ ...reaction, isOwn: isOwn(reaction) })) };
}

/**
 * A message after an event: events say how it is from there on, and nothing comes after a deletion.
 * @param {Shown} message
 * @param {Change} event
 * @param {string} me
 * @returns {Shown}
 */
export function changed(message, event, me) {
  if (message.deleted_at) return message;
  if (event.type === 'message_edited') return owned(event.message, message, me);
  if (event.type === 'message_deleted') return { ...message, content: '', deleted_at: event.deleted_at, reactions: [] };
  return owned({ ...message, reactions: event.reactions }, message, me, event);
}
