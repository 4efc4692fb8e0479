// The details of a message, shown on request: who has seen it, who reacted, its earlier contents.
/** @import { Client } from '../client/client.js' */
/** @import { Shown } from './known.js' */
import { avatar, byId, linked, make } from '../shared/dom.js';
import { exact } from './message.js';
import { fold, hue } from '../shared/names.js';

export class Details {
  #client;
  #dialog = byId('details', HTMLDialogElement);
  #body = byId('details-body');
  /** @type {object | undefined} */
  #asked;

  /** @param {Client} client */
  constructor(client) {
    this.#client = client;
    byId('details-close').addEventListener('click', () => this.#dialog.close());
    this.#dialog.addEventListener('close', () => {
      this.#asked = undefined;
    });
  }

  /** @param {Shown} message */
  seen({ id, username: author }) {
    this.#show('Seen by', async () => {
      const cursors = await all(async (/** @type {string | undefined} */ after) => {
        const page = await this.#client.reads({ after });
        return { items: page.cursors, next: page.next };
      });
      const others = cursors.filter(({ username, last_read_id: last }) =>
        last >= id && ![author, this.#client.username ?? ''].some((name) => fold(name) === fold(username)));
      return others.map(({ username }) => person(username));
    }, 'Nobody else has seen it yet.');
  }

  /** @param {Shown} message */
  reactions({ id, reactions }) {
    this.#show('Reactions', async () => {
      const items = [];
      for (const { emoji } of reactions) {
        const users = await all(async (/** @type {number | undefined} */ after) => {
          const page = await this.#client.reactors(id, emoji, { after, limit: 200 });
          return { items: page.users, next: page.next };
        });
        items.push(...users.map(({ username }) => person(username, make('span', { class: 'emoji' }, emoji))));
      }
      return items;
    }, 'All reactions have been taken back.');
  }

  /** @param {Shown} message */
  revisions({ id }) {
    this.#show('What it said before', async () => {
      const revisions = await all(async (/** @type {number | undefined} */ after) => {
        const page = await this.#client.revisions(id, { after });
        return { items: page.revisions, next: page.next };
      });
      return revisions.map(({ content, timestamp }) => make('li', { class: 'revision' },
        make('time', { class: 'hint', datetime: timestamp }, exact.format(new Date(timestamp))),
        make('p', { dir: 'auto' }, ...linked(content))));
    }, 'It has never said anything else.');
  }

  /** For browsers that let a page copy nothing. @param {string} text */
  copyByHand(text) {
    const field = make('textarea', { class: 'field', rows: 3, readonly: true, 'aria-label': 'To be copied' }, text);
    this.#show('Copy it from here', async () => [make('li', {}, field)]).then(() => field.select());
  }

  /**
   * @param {string} title
   * @param {() => Promise<HTMLElement[]>} ask
   * @param {string} [none]
   */
  async #show(title, ask, none = '') {
    const asked = {};
    this.#asked = asked;
    byId('details-title').textContent = title;
    this.#fill(make('p', { class: 'hint' }, 'Loading…'));
    this.#dialog.showModal();
    let shown;
    try {
      const items = await ask();
      shown = items.length ? make('ul', {}, ...items) : make('p', { class: 'hint' }, none);
    } catch {
      shown = make('p', { class: 'error' }, 'This can’t be loaded at the moment.');
    }
    if (this.#asked === asked) this.#fill(shown);
  }

  /** @param {HTMLElement} content */
  #fill(content) {
    this.#body.replaceChildren(content);
  }
}

/**
 * Everything of a list that comes in pages.
 * @template Item, Cursor
 * @param {(after: Cursor | undefined) => Promise<{ items: Item[], next: Cursor | null }>} ask
 */
async function all(ask) {
  /** @type {Item[]} */
  const items = [];
  for (let after = /** @type {Cursor | undefined | null} */ (undefined); after !== null; ) {
    const page = await ask(after);
    items.push(...page.items);
    after = page.next;
  }
  return items;
}

/**
 * @param {string} name
 * @param {HTMLElement} [mark]
 */
const person = (name, mark) => make('li', { class: 'person' }, avatar(name, hue(name)), make('bdi', {}, name), mark);
