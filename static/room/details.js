// What is shown of a message on request: who has seen it, who reacted, what it said before.
import { avatar, byId, linked, make } from '../shared/dom.js';
import { exact } from './message.js';
import { fold, hue } from '../shared/names.js';

export class Details {
  #client;
  #dialog = byId('details');
  #body = byId('details-body');
  #asked;

  constructor(client) {
    this.#client = client;
    byId('details-close').addEventListener('click', () => this.#dialog.close());
    this.#dialog.addEventListener('close', () => {
      this.#asked = undefined;
    });
  }

  seen({ id, username: author }) {
    this.#show('Seen by', async () => {
      const cursors = await all((after) => this.#client.reads({ after }), 'cursors');
      const others = cursors.filter(({ username, last_read_id: last }) =>
        last >= id && ![author, this.#client.username].some((name) => fold(name) === fold(username)));
      return others.map(({ username }) => person(username));
    }, 'Nobody else has seen it yet.');
  }

  reactions({ id, reactions }) {
    this.#show('Reactions', async () => {
      const items = [];
      for (const { emoji } of reactions) {
        const users = await all((after) => this.#client.reactors(id, emoji, { after, limit: 200 }), 'users');
        items.push(...users.map(({ username }) => person(username, make('span', { class: 'emoji' }, emoji))));
      }
      return items;
    }, 'All reactions have been taken back.');
  }

  revisions({ id }) {
    this.#show('What it said before', async () => {
      const revisions = await all((after) => this.#client.revisions(id, { after }), 'revisions');
      return revisions.map(({ content, timestamp }) => make('li', { class: 'revision' },
        make('time', { class: 'hint', datetime: timestamp }, exact.format(new Date(timestamp))),
        make('p', { dir: 'auto' }, ...linked(content))));
    }, 'It has never said anything else.');
  }

  /** For browsers that let a page copy nothing. */
  copyByHand(text) {
    const field = make('textarea', { class: 'field', rows: 3, readonly: true, 'aria-label': 'To be copied' }, text);
    this.#show('Copy it from here', async () => [make('li', {}, field)]).then(() => field.select());
  }

  async #show(title, ask, none) {
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

  #fill(content) {
    this.#body.replaceChildren(content);
  }
}

/** Everything of a list that comes in pages. */
async function all(ask, field) {
  const items = [];
  for (let after; after !== null; ) {
    const page = await ask(after);
    items.push(...page[field]);
    after = page.next;
  }
  return items;
}

const person = (name, mark) => make('li', { class: 'person' }, avatar(name, hue(name)), make('bdi', {}, name), mark);
