// What one can do with a message: its buttons, its menu, the keys that go from message to message, and the changes themselves.
import { Details } from './details.js';
import { byId, focused, icon, make, placeBeside, step } from '../shared/dom.js';
import { favourites, isSame, Picker } from './emoji.js';
import { oneLine, setCurrent } from './message.js';
import { fold } from '../shared/names.js';
import { notice } from './notice.js';

const QUICK = 6;

export class Actions {
  #client;
  #known;
  #messages;
  #composer;
  #me;
  #list = byId('messages');
  #menu = byId('menu');
  #picker = new Picker();
  #details;
  /** The item that was acted on last: what its menu is about, and where the focus goes back to; and its message then. */
  #item;
  #acted;

  constructor(client, known, messages, composer) {
    this.#client = client;
    this.#known = known;
    this.#messages = messages;
    this.#composer = composer;
    this.#me = fold(client.username);
    this.#details = new Details(client);
    this.#list.addEventListener('click', ({ target }) => this.#clicked(target.closest('[data-act]')));
    this.#list.addEventListener('focusin', ({ target }) => this.#focused(target.closest('.message')));
    byId('scroller').addEventListener('keydown', (event) => this.#walk(event));
    this.#menu.addEventListener('keydown', (event) => this.#walkMenu(event));
    this.#menu.addEventListener('click', ({ target }) => this.#chosen(target.closest('[role="menuitem"]')));
    for (const popover of [this.#menu, byId('picker')]) {
      popover.addEventListener('toggle', ({ newState }) => newState === 'closed' && this.#return());
    }
    byId('delete').addEventListener('close', () => this.#return());
    // What opened it has the focus again, unless it is gone.
    byId('details').addEventListener('close', () => focused() ?? this.#return());
    // What has the same id afterwards may be another message.
    client.addEventListener('reset', () => {
      this.#menu.hidePopover();
      byId('picker').hidePopover();
      byId('delete').close();
      byId('details').close();
    });
    byId('delete-no').addEventListener('click', () => byId('delete').close());
    byId('delete-yes').addEventListener('click', () => {
      byId('delete').close();
      this.#try(this.#client.remove(this.#message.id));
    });
  }

  /** As it is now, or was last known: a page that is flooded lets go of it meanwhile. */
  get #message() {
    return this.#known.get(this.#acted.id) ?? this.#acted;
  }

  #actOn(item) {
    this.#item = item;
    this.#acted = this.#known.get(Number(item.dataset.id));
  }

  /** The user's newest message in view, as far as it can be edited. */
  get lastOwn() {
    const item = this.#messages.items.findLast((each) => each.matches('.own:not(.deleted)'));
    return item && this.#known.get(Number(item.dataset.id));
  }

  #focused(item) {
    if (!item || item.classList.contains('current')) return;
    this.#list.querySelectorAll('.current').forEach((each) => setCurrent(each, false));
    setCurrent(item, true);
  }

  /** The focus goes back to the message, or else to the log, unless it has been taken elsewhere. */
  #return() {
    if (focused() && !this.#item.contains(focused())) return;
    (this.#item.isConnected ? this.#item : byId('scroller')).focus({ preventScroll: true });
  }

  #clicked(button) {
    if (!button) return;
    this.#actOn(button.closest('.message'));
    const { act, emoji } = button.dataset;
    if (act === 'more') this.#openMenu(button);
    else if (act === 'toggle') this.#toggle(emoji);
    else this.#do(act, button);
  }

  #walk(event) {
    const item = event.target.closest('.message');
    const direction = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.key === 'Escape') {
      if (item) this.#composer.focus();
    } else if (event.target === item && ['Enter', ' ', 'ContextMenu'].includes(event.key)) {
      event.preventDefault();
      this.#actOn(item);
      this.#openMenu(item.querySelector('.line'));
    } else if (direction && !event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      const { items, lastOnScreen } = this.#messages;
      const next = item ? items[items.indexOf(item) + direction] : this.#messages.item(lastOnScreen) ?? items.at(-1);
      next?.focus();
    }
  }

  #openMenu(anchor) {
    const { deleted_at: deletedAt, edited_at: editedAt, reactions, username } = this.#message;
    const isOwn = fold(username) === this.#me;
    const shown = {
      reply: !deletedAt, text: !deletedAt, link: true, seen: true,
      reactions: reactions.length > 0, revisions: !deletedAt && Boolean(editedAt), edit: isOwn && !deletedAt, delete: isOwn && !deletedAt,
    };
    for (const entry of this.#menu.querySelectorAll('[data-do]')) entry.hidden = !shown[entry.dataset.do];
    const quick = byId('menu-quick');
    quick.hidden = Boolean(deletedAt);
    const entry = (attributes, content) => make('button', { type: 'button', role: 'menuitem', tabindex: -1, ...attributes }, content);
    quick.replaceChildren(
      ...favourites(QUICK).map((emoji) => entry({ class: 'emoji', 'data-emoji': emoji, 'aria-label': `React with ${emoji}` }, emoji)),
      entry({ class: 'emoji', 'data-do': 'react', 'aria-label': 'Another reaction…', title: 'Another reaction…' }, icon('plus')));
    this.#menu.showPopover();
    placeBeside(this.#menu, anchor);
    this.#entries()[0].focus();
  }

  #entries() {
    return [...this.#menu.querySelectorAll('[role="menuitem"]')].filter((entry) => !entry.hidden && !entry.parentElement.hidden);
  }

  #walkMenu(event) {
    const [quick, entries] = [byId('menu-quick'), this.#entries()];
    const isQuick = quick.contains(event.target);
    if (event.key === 'Tab') {
      event.preventDefault();
      this.#menu.hidePopover();
    } else if (isQuick && ['ArrowLeft', 'ArrowRight'].includes(event.key)) {
      step(event, [...quick.children], ['ArrowLeft', 'ArrowRight']);
    } else {
      // The row of emoji is one step on the way up or down.
      const here = isQuick ? event.target : quick.firstElementChild;
      step(event, entries.filter((entry) => entry === here || !quick.contains(entry)), ['ArrowUp', 'ArrowDown']);
    }
  }

  #chosen(entry) {
    if (!entry) return;
    const anchor = this.#item.querySelector('.line');
    this.#menu.hidePopover();
    this.#item.focus({ preventScroll: true });
    if (entry.dataset.emoji) this.#react(entry.dataset.emoji);
    else this.#do(entry.dataset.do, anchor);
  }

  #do(act, anchor) {
    const message = this.#message;
    const { id } = message;
    if (act === 'react') this.#picker.open(anchor, (emoji) => this.#react(emoji));
    else if (act === 'reply') this.#composer.answer(id);
    else if (act === 'edit') this.#composer.edit(message);
    else if (act === 'text') this.#copy(message.content, 'The text is copied.');
    else if (act === 'link') this.#copy(`${location.origin}/rooms/${this.#client.room}#${id}`, 'The link is copied.');
    else if (act === 'delete') this.#askToDelete(message);
    else this.#details[act](message);
  }

  #askToDelete({ content }) {
    byId('delete-words').textContent = oneLine(content);
    byId('delete').showModal();
    byId('delete-no').focus();
  }

  /** Adds a reaction: what looks like one that is there already is that one. */
  #react(emoji) {
    const { id, reactions } = this.#message;
    const there = reactions.find((each) => isSame(each.emoji, emoji));
    this.#try(this.#client.react(id, there?.emoji ?? emoji));
  }

  #toggle(emoji) {
    const { id, reactions } = this.#message;
    const { isOwn } = reactions.find((each) => each.emoji === emoji);
    const has = isOwn === undefined ? this.#known.hasReacted(id, emoji) : Promise.resolve(isOwn);
    this.#try(has.then((isMine) => this.#client.react(id, emoji, !isMine)));
  }

  async #copy(text, done) {
    try {
      await navigator.clipboard.writeText(text);
      notice(done);
    } catch {
      // Only a page that came by HTTPS or from this machine may.
      this.#details.copyByHand(text);
    }
  }

  async #try(change) {
    try {
      await change;
    } catch (error) {
      notice(error.status ? error.message : 'The server can’t be reached. Try again in a moment.');
    }
  }
}
