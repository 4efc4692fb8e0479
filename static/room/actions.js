// Actions on a message: its buttons, its menu, the keys that go from message to message, and the changes themselves.
/** @import { Client } from '../client/client.js' */
/** @import { Composer } from './composer.js' */
/** @import { Known, Shown } from './known.js' */
/** @import { Messages } from './messages.js' */
/** @import { Settings } from './settings.js' */
/** @import { Standing } from './standing.js' */
import { Refused } from '../client/request.js';
import { byId, children, closest, focused, icon, make, placeBeside, step, within } from '../shared/dom.js';
import { fold } from '../shared/names.js';
import { inPlainWords } from '../shared/refusals.js';
import { Details } from './details.js';
import { favourites, isSame, Picker } from './emoji.js';
import { oneLine, setCurrent } from './message.js';
import { notice, noticeUnreachable } from './notice.js';
import { onLongPress } from './press.js';

const QUICK = 6;

/**
 * `settings` and `standing` tell what is offered; `onPerson` is called with an author to be dealt with.
 * @typedef {{ settings: Settings, standing: Standing, onPerson: (username: string) => void }} Uses
 */

export class Actions {
  #client;
  #known;
  #messages;
  #composer;
  #me;
  #list = byId('messages');
  #menu = byId('menu');
  #dialog = byId('delete', HTMLDialogElement);
  #picker = new Picker();
  #details;
  #uses;
  /** The item that was acted on last: what its menu is about, and where the focus goes back to. @type {HTMLElement} */
  #item = byId('messages');
  /** Its message then. @type {Shown | undefined} */
  #acted;

  /**
   * @param {Client} client
   * @param {Known} known
   * @param {Messages} messages
   * @param {Composer} composer
   * @param {Uses} uses
   */
  constructor(client, known, messages, composer, uses) {
    this.#client = client;
    this.#known = known;
    this.#messages = messages;
    this.#composer = composer;
    this.#me = fold(client.username ?? '');
    this.#uses = uses;
    this.#details = new Details(client);
    this.#list.addEventListener('click', ({ target }) => this.#clicked(closest(target, '[data-act]')));
    this.#list.addEventListener('focusin', ({ target }) => this.#focused(closest(target, '.message')));
    byId('scroller').addEventListener('keydown', (event) => this.#walk(event));
    this.#menu.addEventListener('keydown', (event) => this.#walkMenu(event));
    this.#menu.addEventListener('click', ({ target }) => this.#chosen(closest(target, '[role="menuitem"]')));
    for (const popover of [this.#menu, byId('picker')]) {
      popover.addEventListener('toggle', (event) => event instanceof ToggleEvent && event.newState === 'closed' && this.#return());
    }
    onLongPress(this.#list, (target) => this.#pressed(closest(target, '.message')), this.#menu);
    byId('delete').addEventListener('close', () => this.#return());
    // What opened it has the focus again, unless it is gone.
    byId('details').addEventListener('close', () => focused() ?? this.#return());
    // What has the same id afterwards may be another message.
    client.addEventListener('reset', () => {
      this.#menu.hidePopover();
      byId('picker').hidePopover();
      this.#dialog.close();
      byId('details', HTMLDialogElement).close();
    });
    byId('delete-no').addEventListener('click', () => this.#dialog.close());
    byId('delete-yes').addEventListener('click', () => {
      this.#dialog.close();
      if (this.#message) this.#try(this.#client.remove(this.#message.id));
    });
  }

  /** As it is now, or was last known: a page that is flooded lets go of it meanwhile. */
  get #message() {
    return this.#acted && (this.#known.get(this.#acted.id) ?? this.#acted);
  }

  /** @param {HTMLElement} item */
  #actOn(item) {
    this.#item = item;
    this.#acted = this.#known.get(Number(item.dataset.id));
  }

  /** The user's newest message in view, if it can still be edited. */
  get lastOwn() {
    const item = this.#messages.items.findLast((each) => each.matches('.own:not(.deleted)'));
    const message = item && this.#known.get(Number(item.dataset.id));
    return message && this.#canEdit(message) ? message : undefined;
  }

  /** @param {Shown} message */
  #canEdit(message) {
    return this.#uses.standing.may('edit') && this.#uses.settings.canEdit(message);
  }

  /** Asks whether to delete a message, as for one that was edited to say nothing. @param {number} id */
  offerToDelete(id) {
    const item = this.#messages.item(id);
    if (item) this.#actOn(item);
    else this.#acted = this.#known.get(id);
    if (this.#message) this.#askToDelete(this.#message);
  }

  /** @param {HTMLElement | null} item */
  #pressed(item) {
    if (!item) return false;
    this.#actOn(item);
    this.#openMenu(within(item, '.line'));
    return true;
  }

  /** @param {HTMLElement | null} item */
  #focused(item) {
    if (!item || item.classList.contains('current')) return;
    for (const each of this.#list.querySelectorAll('.current')) setCurrent(/** @type {HTMLElement} */ (each), false);
    setCurrent(item, true);
  }

  /** The focus goes back to the message, or else to the log, unless it has been taken elsewhere. */
  #return() {
    if (focused() && !this.#item.contains(focused())) return;
    (this.#item.isConnected ? this.#item : byId('scroller')).focus({ preventScroll: true });
  }

  /** @param {HTMLElement | null} button */
  #clicked(button) {
    const item = closest(button, '.message');
    if (!button || !item) return;
    this.#actOn(item);
    const { act = '', emoji = '' } = button.dataset;
    if (act === 'more') this.#openMenu(button);
    else if (act === 'toggle') this.#toggle(emoji);
    else this.#do(act, button);
  }

  /** @param {KeyboardEvent} event */
  #walk(event) {
    const item = closest(event.target, '.message');
    const direction = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.key === 'Escape') {
      if (item) this.#composer.focus();
    } else if (item && event.target === item && ['Enter', ' ', 'ContextMenu'].includes(event.key)) {
      event.preventDefault();
      this.#actOn(item);
      this.#openMenu(within(item, '.line'));
    } else if (direction && !event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      const { items, lastOnScreen } = this.#messages;
      const next = item ? items[items.indexOf(item) + direction] : this.#messages.item(lastOnScreen ?? 0) ?? items.at(-1);
      next?.focus();
    }
  }

  /** @param {Element} anchor */
  #openMenu(anchor) {
    const message = this.#message;
    if (!message) return;
    const { deleted_at: deletedAt, edited_at: editedAt, reactions, username } = message;
    const { standing } = this.#uses;
    const isOwn = fold(username) === this.#me;
    const isThere = !deletedAt;
    /** @type {Record<string, boolean>} */
    const shown = {
      reply: isThere && standing.may('post'), text: isThere, link: true, seen: standing.may('see'),
      reactions: reactions.length > 0, revisions: isThere && Boolean(editedAt), edit: isOwn && this.#canEdit(message),
      person: !isOwn && standing.may('ban'), delete: isThere && (isOwn ? standing.may('delete') : standing.mayDeleteOthers),
    };
    for (const entry of children(this.#menu)) if (entry.dataset.do) entry.hidden = !shown[entry.dataset.do];
    const quick = byId('menu-quick');
    quick.hidden = !isThere || !standing.may('react');
    /** @type {(attributes: Record<string, string>, content: string | Node) => HTMLElement} */
    const entry = (attributes, content) => make('button', { type: 'button', role: 'menuitem', tabindex: -1, ...attributes }, content);
    quick.replaceChildren(
      ...favourites(QUICK).map((emoji) => entry({ class: 'emoji', 'data-emoji': emoji, 'aria-label': `React with ${emoji}` }, emoji)),
      entry({ class: 'emoji', 'data-do': 'react', 'aria-label': 'Another reaction…', title: 'Another reaction…' }, icon('plus')));
    this.#menu.showPopover();
    placeBeside(this.#menu, anchor);
    this.#entries()[0].focus();
  }

  #entries() {
    const all = /** @type {NodeListOf<HTMLElement>} */ (this.#menu.querySelectorAll('[role="menuitem"]'));
    return [...all].filter((entry) => !entry.hidden && !entry.parentElement?.hidden);
  }

  /** @param {KeyboardEvent} event */
  #walkMenu(event) {
    const [quick, entries, target] = [byId('menu-quick'), this.#entries(), /** @type {HTMLElement} */ (event.target)];
    const isQuick = quick.contains(target);
    if (event.key === 'Tab') {
      event.preventDefault();
      this.#menu.hidePopover();
    } else if (isQuick && ['ArrowLeft', 'ArrowRight'].includes(event.key)) {
      step(event, children(quick), ['ArrowLeft', 'ArrowRight']);
    } else {
      // The row of emoji is one step on the way up or down.
      const here = isQuick ? target : quick.firstElementChild;
      step(event, entries.filter((entry) => entry === here || !quick.contains(entry)), ['ArrowUp', 'ArrowDown']);
    }
  }

  /** @param {HTMLElement | null} entry */
  #chosen(entry) {
    if (!entry) return;
    const anchor = this.#item.querySelector('.line') ?? this.#item;
    this.#menu.hidePopover();
    this.#item.focus({ preventScroll: true });
    if (entry.dataset.emoji) this.#react(entry.dataset.emoji);
    else this.#do(entry.dataset.do ?? '', anchor);
  }

  /**
   * @param {string} act
   * @param {Element} anchor
   */
  #do(act, anchor) {
    const message = this.#message;
    if (!message) return;
    const { id } = message;
    if (act === 'react') this.#picker.open(anchor, (/** @type {string} */ emoji) => this.#react(emoji));
    else if (act === 'reply') this.#composer.answer(id);
    else if (act === 'edit') this.#composer.edit(message);
    else if (act === 'text') this.#copy(message.content, 'The text is copied.');
    else if (act === 'link') this.#copy(`${location.origin}/rooms/${this.#client.room}#${id}`, 'The link is copied.');
    else if (act === 'delete') this.#askToDelete(message);
    else if (act === 'person') this.#uses.onPerson(message.username);
    else if (act === 'seen' || act === 'reactions' || act === 'revisions') this.#details[act](message);
  }

  /** @param {Shown} message */
  #askToDelete({ content }) {
    byId('delete-words').textContent = oneLine(content);
    this.#dialog.showModal();
    byId('delete-no').focus();
  }

  /** Adds a reaction: what looks like one that is there already is that one. @param {string} emoji */
  #react(emoji) {
    if (!this.#message) return;
    const { id, reactions } = this.#message;
    const there = reactions.find((each) => isSame(each.emoji, emoji));
    this.#try(this.#client.react(id, there?.emoji ?? emoji));
  }

  /** @param {string} emoji */
  #toggle(emoji) {
    if (!this.#message) return;
    const { id, reactions } = this.#message;
    if (!this.#uses.standing.may('react')) {
      this.#details.reactions(this.#message);
      return;
    }
    const isOwn = reactions.find((each) => each.emoji === emoji)?.isOwn;
    const has = isOwn === undefined ? this.#known.hasReacted(id, emoji) : Promise.resolve(isOwn);
    this.#try(has.then((isMine) => this.#client.react(id, emoji, !isMine)));
  }

  /**
   * @param {string} text
   * @param {string} done
   */
  async #copy(text, done) {
    try {
      await navigator.clipboard.writeText(text);
      notice(done);
    } catch {
      // Only a page that came by HTTPS or from this machine may.
      this.#details.copyByHand(text);
    }
  }

  /** @param {Promise<unknown>} change */
  async #try(change) {
    try {
      await change;
    } catch (error) {
      if (error instanceof Refused) notice(inPlainWords(error));
      else noticeUnreachable();
    }
  }
}
