// One message as an element: who and when, what it answers, what it says, and what became of it.
import { avatar, focused, inWords, linked, make, tool } from '../shared/dom.js';
import { fold, hue } from '../shared/names.js';

const DELETED = 'Message deleted';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const calendar = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
export const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

/** The item of a message; its buttons say by `data-act` what they do. */
export function messageItem(message, me) {
  const { id, username, timestamp, client_id: clientId, reply_to: target } = message;
  const [time, colour] = [new Date(timestamp), hue(username)];
  const attributes = {
    class: `message ${fold(username) === me ? 'own' : 'other'}`, tabindex: -1, 'aria-labelledby': `by-${id} says-${id}`,
    'data-id': id, 'data-time': timestamp, 'data-author': fold(username), 'data-client-id': clientId ?? undefined,
  };
  const item = make('li', attributes,
    make('p', { class: 'day' }, make('span', {}, calendar.format(time))),
    avatar(username, colour),
    make('div', { class: 'body' },
      make('p', { class: 'byline', id: `by-${id}` },
        make('bdi', { class: `author hue-${colour}` }, username), ' ',
        make('time', { datetime: timestamp, title: exact.format(time) }, clock.format(time))),
      target ? quote(target) : undefined,
      make('div', { class: 'line' },
        make('p', { class: 'content', id: `says-${id}`, dir: 'auto' }),
        // Not for the ear of whom each new message is read out.
        make('div', { class: 'tools', 'aria-live': 'off' },
          tool('react', 'React'), tool('reply', 'Reply'), tool('more', 'More', { 'aria-haspopup': 'menu' }))),
      make('div', { class: 'after', 'aria-live': 'off' },
        make('button', { type: 'button', class: 'edited', 'data-act': 'revisions', title: 'What it said before' }, '(edited)'),
        make('div', { class: 'chips', role: 'group', 'aria-label': 'Reactions' }),
        make('p', { class: 'seen', hidden: true }))));
  showMessage(item, message);
  return item;
}

/** Makes an item show its message as it is now. What has the focus keeps it; if that is gone, the item has it. */
export function showMessage(item, message) {
  const hadFocus = item.contains(document.activeElement);
  const isDeleted = Boolean(message.deleted_at);
  const content = item.querySelector('.content');
  if (isDeleted !== item.classList.contains('deleted') || content.textContent !== message.content) {
    content.replaceChildren(...(isDeleted ? [DELETED] : linked(message.content)));
  }
  item.classList.toggle('deleted', isDeleted);
  item.querySelector('.edited').hidden = isDeleted || !message.edited_at;
  showReactions(item, message.reactions);
  setCurrent(item, item.classList.contains('current'));
  if (hadFocus && !item.contains(focused())) item.focus({ preventScroll: true });
}

/** Draws the line above a message, or takes it away. */
export function showLine(item, isNew) {
  const line = item.querySelector('.since');
  if (!isNew) line?.remove();
  else if (!line) item.querySelector('.day').after(make('p', { class: 'since' }, 'New since you were here'));
}

/** What can be pressed in a message is in the tab order only while it is the current one: else it is far to the field. */
export function setCurrent(item, isCurrent) {
  item.classList.toggle('current', isCurrent);
  for (const control of item.querySelectorAll('a, button')) control.tabIndex = isCurrent ? 0 : -1;
}

function showReactions(item, reactions) {
  const chips = item.querySelector('.chips');
  const known = new Map([...chips.children].map((chip) => [chip.dataset.emoji, chip]));
  // First, so that none of the others is moved: one that is moved loses the focus.
  for (const [emoji, chip] of known) if (!reactions.some((each) => each.emoji === emoji)) chip.remove();
  reactions.forEach((reaction, index) => {
    const chip = known.get(reaction.emoji) ?? make('button', {
      type: 'button', class: 'chip', 'data-act': 'toggle', 'data-emoji': reaction.emoji,
    }, make('span', { class: 'emoji' }, reaction.emoji), ' ', make('span', { class: 'count' }));
    const names = inWords(reaction.usernames, reaction.count);
    chip.title = names;
    chip.setAttribute('aria-label', `${reaction.emoji} ${reaction.count}: ${names}`);
    chip.setAttribute('aria-pressed', Boolean(reaction.isOwn));
    chip.querySelector('.count').textContent = reaction.count;
    if (chips.children[index] !== chip) chips.insertBefore(chip, chips.children[index] ?? null);
  });
  chips.hidden = !reactions.length;
}

/** A line of the message that is answered, which leads to it. */
export function quote(id) {
  return make('a', { class: 'quote', href: `#${id}`, 'data-quoted': id }, '…');
}

/** What a line says of a message. */
export function inALine({ content, deleted_at: deletedAt, isGone }) {
  if (isGone) return 'A message that is no longer here';
  return deletedAt ? DELETED : oneLine(content);
}

export function showQuote(link, message) {
  const { username, deleted_at: deletedAt, isGone } = message;
  link.classList.toggle('deleted', Boolean(deletedAt || isGone));
  link.replaceChildren(
    make('span', { class: 'hidden' }, 'In reply to '),
    ...(isGone ? [] : [make('bdi', { class: `author hue-${hue(username)}` }, username), ' ']),
    make('span', { class: 'words', dir: 'auto' }, inALine(message)));
}

/** So much of a text as a line can show. */
export const oneLine = (text) => text.slice(0, 300).replace(/\s+/g, ' ').trim();
