// What happened in the room besides messages, as small lines among them: who came and went, and what is otherwise now.
/** @import { Client } from '../client/client.js' */
/** @import { Role, ServerEvents } from '../client/events.js' */
/** @import { Described, Description } from './description.js' */
/** @import { Messages } from './messages.js' */
import { byId, make } from '../shared/dom.js';
import { pauseInWords } from './pauses.js';

/** More are not kept: a page that is loaded again has none of them. */
const KEPT = 200;

/** A line in pieces: a name, or words. @typedef {({ name: string } | string)[]} Line */

/** @type {Record<Role, string>} */
const AS = { reader: 'a reader', member: 'a member', moderator: 'a moderator', owner: 'an owner' };

/**
 * The line for a change of the members.
 * @param {ServerEvents['member_joined' | 'member_changed' | 'member_left']} event
 * @returns {Line}
 */
export function ofMember(event) {
  const [who, by] = [{ name: event.username }, { name: event.by }];
  const isOwn = event.username === event.by;
  if (event.type === 'member_joined') return isOwn ? [who, ' has joined.'] : [by, ' has added ', who, event.role === 'member' ? '.' : ` as ${AS[event.role]}.`];
  if (event.type === 'member_changed') return isOwn ? [who, ` is ${AS[event.role]} now.`] : [by, ' has made ', who, ` ${AS[event.role]}.`];
  if (event.reason === 'left') return [who, ' has left.'];
  return [by, event.reason === 'banned' ? ' has banned ' : ' has removed ', who, '.'];
}

/**
 * The lines for another description of the room, one for each thing that is otherwise.
 * @param {Described} before
 * @param {Described} after
 * @returns {Line[]}
 */
export function ofRoom(before, after) {
  /** @type {(field: keyof Described) => boolean} */
  const isOther = (field) => after[field] !== undefined && before[field] !== after[field];
  /** @type {Line[]} */
  const lines = [];
  if (isOther('title')) lines.push(after.title ? ['The room is called ', { name: after.title }, ' now.'] : ['The room has no title any more.']);
  if (isOther('topic')) lines.push(after.topic ? ['The topic is ', { name: after.topic }, ' now.'] : ['The room has no topic any more.']);
  if (isOther('visibility')) lines.push([after.visibility === 'private' ? 'The room is private now: only its members find it.' : 'The room is public now: everybody here reads all of it.']);
  if (isOther('posting')) lines.push([after.posting === 'moderators' ? 'Only moderators write here now.' : 'Everybody writes here now.']);
  if (isOther('slow_mode')) lines.push([after.slow_mode ? `From now on everybody pauses ${pauseInWords(after.slow_mode)} between two messages.` : 'There is no pause between two messages any more.']);
  return lines;
}

export class Happened {
  #messages;
  /** @type {{ id: number, element: HTMLElement }[]} */
  #lines = [];
  #first = make('div', { class: 'happened', hidden: true });

  /**
   * @param {Client} client
   * @param {Description} description
   * @param {Messages} messages
   */
  constructor(client, description, messages) {
    this.#messages = messages;
    byId('messages').before(this.#first);
    description.addEventListener('updated', ({ detail: { id, before, after } }) => this.#add(id, ofRoom(before, after)));
    for (const type of /** @type {const} */ (['member_joined', 'member_changed', 'member_left'])) {
      client.addEventListener(type, ({ detail }) => this.#add(detail.id, [ofMember(detail)]));
    }
    client.addEventListener('reset', () => {
      for (const { element } of this.#lines) element.remove();
      this.#lines = [];
    });
    messages.addEventListener('list', () => this.#place());
  }

  /**
   * @param {number} id
   * @param {Line[]} lines
   */
  #add(id, lines) {
    for (const line of lines) {
      const pieces = line.map((piece) => (typeof piece === 'string' ? piece : make('bdi', {}, piece.name)));
      this.#lines.push({ id, element: make('p', {}, ...pieces) });
    }
    for (const { element } of this.#lines.splice(0, Math.max(0, this.#lines.length - KEPT))) element.remove();
    this.#place();
  }

  /** Each stands at the message before it; before the first, on top. */
  #place() {
    const misplaced = this.#lines.map(({ id, element }) => ({ element, place: this.#placeOf(id) }))
      .filter(({ element, place }) => (element.parentElement ?? undefined) !== place);
    if (!misplaced.length) return;
    const items = misplaced.map(({ place }) => place?.closest('.message')).filter((item) => item instanceof HTMLElement);
    this.#messages.change(items, () => {
      for (const { element, place } of misplaced) {
        if (place) place.append(element);
        else element.remove();
      }
      this.#first.hidden = !this.#first.children.length;
    });
  }

  /** @param {number} id */
  #placeOf(id) {
    const item = this.#messages.upTo(id);
    if (!item) return byId('beginning').hidden ? undefined : this.#first;
    const there = item.querySelector(':scope > .happened');
    if (there) return there;
    const made = make('div', { class: 'happened' });
    item.append(made);
    return made;
  }
}
