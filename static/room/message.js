// One message as an element: who and when, what it answers, what it says, and what became of it.
/** @import { Shown } from './known.js' */
/** @import { Look } from './window.js' */
import { avatar, children, focused, inWords, linked, make, tool, within } from '../shared/dom.js';
import { fold, hue } from '../shared/names.js';

const DELETED = 'Message deleted';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const calendar = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const oldCalendar = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
export const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

/** The parts that all messages have, to be copied: that takes a fraction of making each from nothing. @type {HTMLLIElement | undefined} */
let blank;

function makeBlank() {
  return make('li', { tabindex: -1 },
    make('div', { class: 'body' },
      make('p', { class: 'byline' }, make('bdi'), ' ', make('time')),
      make('div', { class: 'line' },
        make('p', { class: 'content', dir: 'auto' }),
        // Not for the ear of whom each new message is read out.
        make('div', { class: 'tools', 'aria-live': 'off' },
          tool('react', 'React'), tool('reply', 'Reply'), tool('more', 'More', { 'aria-haspopup': 'menu' }))),
      make('div', { class: 'after', 'aria-live': 'off' },
        make('button', { type: 'button', class: 'edited', 'data-act': 'revisions', title: 'What it said before' }, '(edited)'),
        make('div', { class: 'chips', role: 'group', 'aria-label': 'Reactions' }),
        make('p', { class: 'seen', hidden: true }))));
}

/**
 * The item of a message; its buttons say by `data-act` what they do.
 * @param {Shown} message
 * @param {string} me folded
 */
export function messageItem(message, me) {
  const { id, username, timestamp, client_id: clientId, reply_to: target } = message;
  const [time, colour, author] = [new Date(timestamp), hue(username), fold(username)];
  blank ??= makeBlank();
  const item = /** @type {HTMLLIElement} */ (blank.cloneNode(true));
  item.className = `message ${author === me ? 'own' : 'other'}`;
  item.setAttribute('aria-labelledby', `by-${id} says-${id}`);
  Object.assign(item.dataset, { id, time: timestamp, author });
  if (clientId) item.dataset.clientId = clientId;
  const byline = within(item, '.byline');
  byline.id = `by-${id}`;
  const name = within(byline, 'bdi');
  name.className = `author hue-${colour}`;
  name.textContent = username;
  const clockTime = within(byline, 'time', HTMLTimeElement);
  clockTime.dateTime = timestamp;
  clockTime.title = exact.format(time);
  clockTime.textContent = clock.format(time);
  if (target) byline.after(quote(target));
  within(item, '.content').id = `says-${id}`;
  item.prepend(avatar(username, colour));
  showMessage(item, message);
  return item;
}

/**
 * Makes an item show its message as it is now. What has the focus keeps it; if that is gone, the item has it.
 * @param {HTMLElement} item
 * @param {Shown} message
 */
export function showMessage(item, message) {
  const hadFocus = item.contains(document.activeElement);
  const isDeleted = Boolean(message.deleted_at);
  const content = within(item, '.content');
  if (isDeleted !== item.classList.contains('deleted') || content.textContent !== message.content) {
    content.replaceChildren(...(isDeleted ? [DELETED] : linked(message.content)));
  }
  item.classList.toggle('deleted', isDeleted);
  within(item, '.edited').hidden = isDeleted || !message.edited_at;
  showReactions(item, message.reactions);
  setCurrent(item, item.classList.contains('current'));
  if (hadFocus && !item.contains(focused())) item.focus({ preventScroll: true });
}

/**
 * Has an item begin a group, a day or what is new, or no longer.
 * @param {HTMLElement} item
 * @param {Look} look
 */
export function showLook(item, { isNewDay, isNew, isFirst }) {
  item.classList.toggle('first', isFirst);
  const [day, since] = ['.day', '.since'].map((selector) => item.querySelector(selector));
  if (!isNewDay) day?.remove();
  else if (!day) item.prepend(make('p', { class: 'day' }, make('span', {}, dayOf(new Date(item.dataset.time ?? 0)))));
  if (!isNew) since?.remove();
  else if (!since) item.insertBefore(make('p', { class: 'since' }, 'New since you were here'), item.querySelector('.day + *') ?? item.firstChild);
}

/**
 * A day in words, with its year unless that is the current one.
 * @param {Date} time
 */
export function dayOf(time, now = new Date()) {
  return (time.getFullYear() === now.getFullYear() ? calendar : oldCalendar).format(time);
}

/**
 * Puts the buttons of a message into the tab order only while it is the current one: else it is far to the field.
 * @param {HTMLElement} item
 * @param {boolean} isCurrent
 */
export function setCurrent(item, isCurrent) {
  item.classList.toggle('current', isCurrent);
  const controls = /** @type {NodeListOf<HTMLElement>} */ (item.querySelectorAll('a, button'));
  for (const control of controls) control.tabIndex = isCurrent ? 0 : -1;
}

/**
 * @param {HTMLElement} item
 * @param {Shown['reactions']} reactions
 */
function showReactions(item, reactions) {
  const chips = within(item, '.chips');
  const known = new Map(children(chips).map((chip) => [chip.dataset.emoji ?? '', chip]));
  // First, so that none of the others is moved: one that is moved loses the focus.
  for (const [emoji, chip] of known) if (!reactions.some((each) => each.emoji === emoji)) chip.remove();
  reactions.forEach((reaction, index) => {
    const chip = known.get(reaction.emoji) ?? make('button', {
      type: 'button', class: 'chip', 'data-act': 'toggle', 'data-emoji': reaction.emoji,
    }, make('span', { class: 'emoji' }, reaction.emoji), ' ', make('span', { class: 'count' }));
    const names = inWords(reaction.usernames, reaction.count);
    chip.title = names;
    chip.setAttribute('aria-label', `${reaction.emoji} ${reaction.count}: ${names}`);
    chip.setAttribute('aria-pressed', String(Boolean(reaction.isOwn)));
    within(chip, '.count').textContent = String(reaction.count);
    if (chips.children[index] !== chip) chips.insertBefore(chip, chips.children[index] ?? null);
  });
  chips.hidden = !reactions.length;
}

/**
 * A line of the message that is answered, which leads to it.
 * @param {number} id
 */
export function quote(id) {
  return make('a', { class: 'quote', href: `#${id}`, 'data-quoted': id }, '…');
}

/**
 * The text of a message in one line.
 * @param {Pick<Shown, 'content' | 'deleted_at' | 'isGone'>} message
 */
export function inALine({ content, deleted_at: deletedAt, isGone }) {
  if (isGone) return 'A message that is no longer here';
  return deletedAt ? DELETED : oneLine(content);
}

/**
 * @param {HTMLElement} link
 * @param {Shown} message
 */
export function showQuote(link, message) {
  const { username, deleted_at: deletedAt, isGone } = message;
  link.classList.toggle('deleted', Boolean(deletedAt || isGone));
  link.replaceChildren(
    make('span', { class: 'hidden' }, 'In reply to '),
    ...(isGone ? [] : [make('bdi', { class: `author hue-${hue(username)}` }, username), ' ']),
    make('span', { class: 'words', dir: 'auto' }, inALine(message)));
}

/** So much of a text as a line can show. @param {string} text */
export const oneLine = (text) => text.slice(0, 300).replace(/\s+/g, ' ').trim();
