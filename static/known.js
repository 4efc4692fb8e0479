// What the page knows of the room's messages, shown or quoted: each as it is now, whatever comes from where in which order.

const CHANGES = ['message_edited', 'message_deleted', 'reaction_added', 'reaction_removed'];
/** How many quoted messages are fetched at a time: a browser has six connections to a host, and one is the line. */
const AT_ONCE = 2;

/** Tells by a `change` event with the message as `detail` when one has changed, or is known at last. */
export class Known extends EventTarget {
  #client;
  #messages = new Map();
  /** Changes that came while something is being fetched: the answer may be from before them. */
  #meanwhile = [];
  #fetching = 0;
  #wanted = new Set();
  #asking = 0;

  constructor(client) {
    super();
    this.#client = client;
    for (const type of CHANGES) client.addEventListener(type, ({ detail }) => this.#change(detail));
    client.addEventListener('reset', () => {
      this.#messages = new Map();
      this.#wanted.clear();
    });
    client.addEventListener('state', ({ detail }) => detail.name === 'connected' && this.#ask());
  }

  get size() {
    return this.#messages.size;
  }

  get(id) {
    return this.#messages.get(id);
  }

  add(messages) {
    for (const message of messages) this.#messages.set(message.id, message);
  }

  /** A page of messages, as `Client.messages`. */
  async page(query) {
    return this.#fetch(() => this.#client.messages(query), (page, current) => ({ ...page, messages: page.messages.map(current) }));
  }

  /** A message that is quoted; if it is not known yet, a `change` tells when it is. */
  quoted(id) {
    const message = this.get(id);
    if (!message) {
      this.#wanted.add(id);
      this.#ask();
    }
    return message;
  }

  /** Forgets all but these ids. */
  keep(ids) {
    for (const id of this.#messages.keys()) if (!ids.has(id)) this.#messages.delete(id);
  }

  #change(event) {
    if (this.#fetching) this.#meanwhile.push(event);
    const message = this.get(event.message_id);
    if (message) this.#tell(changed(message, event));
  }

  #tell(message) {
    this.#messages.set(message.id, message);
    this.dispatchEvent(new CustomEvent('change', { detail: message }));
  }

  async #fetch(ask, use) {
    const messages = this.#messages;
    this.#fetching += 1;
    try {
      return use(await ask(), (message) => {
        const current = this.#meanwhile.filter(({ message_id: id }) => id === message.id).reduce(changed, message);
        // After a reset this is a map that nobody looks at any more.
        messages.set(current.id, current);
        return current;
      });
    } finally {
      this.#fetching -= 1;
      if (!this.#fetching) this.#meanwhile = [];
    }
  }

  async #ask() {
    if (this.#asking >= AT_ONCE) return;
    this.#asking += 1;
    for (const id of this.#wanted) {
      this.#wanted.delete(id);
      const messages = this.#messages;
      try {
        const message = await this.#fetch(() => this.#client.message(id), (answer, current) => current(answer));
        if (messages === this.#messages) this.#tell(message);
      } catch (error) {
        if (error.isFinal) this.#tell({ id, username: '', content: '', isGone: true, reactions: [] });
        // Asked again once the line is up.
        else if (messages === this.#messages) this.#wanted.add(id);
        if (!error.isFinal) break;
      }
    }
    this.#asking -= 1;
  }
}

/** A message after an event: events say how it is from there on, and nothing comes after a deletion. */
function changed(message, event) {
  if (message.deleted_at) return message;
  if (event.type === 'message_edited') return event.message;
  if (event.type === 'message_deleted') return { ...message, content: '', deleted_at: event.deleted_at, reactions: [] };
  return { ...message, reactions: event.reactions };
}
