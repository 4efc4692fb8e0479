// The page at /: the rooms there are, and the name one goes in under.
/** @import { Unread } from '../client/events.js' */
import { Client } from '../client/client.js';
import { byId, children, make, within } from '../shared/dom.js';
import { rememberedName, rememberName, wrongWithName } from '../shared/names.js';
import { save } from '../shared/store.js';

/** @typedef {{ name: string, title: string, topic: string, online: number, last_message_at: string | null }} Room */

const [nameError, list, note, form, otherError] = ['name-error', 'rooms', 'rooms-note', 'open', 'other-error'].map((id) => byId(id));
const [name, other] = ['name', 'other'].map((id) => byId(id, HTMLInputElement));
const more = byId('more', HTMLButtonElement);
/** @type {string | null} */
let next = null;
let hasFailed = false;

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { weekday: 'short' });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

/**
 * A time in as few characters as tell it: the time today, the day within a week, else the date.
 * @param {Date} time
 */
function brief(time) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  if (time.getTime() >= midnight) return clock.format(time);
  return (midnight - time.getTime() < 6 * 24 * 3600 * 1000 ? day : date).format(time);
}

/** The time of a room's newest message. @param {string} timestamp */
function last(timestamp) {
  const time = new Date(timestamp);
  const label = `last message: ${exact.format(time)}`;
  return make('time', { class: 'room-last', datetime: timestamp, title: label, 'aria-label': label }, brief(time));
}

/** Returns true if there is a name to go in under; else says what is missing. */
function isNamed() {
  const wrong = wrongWithName(name.value);
  nameError.textContent = wrong;
  name.setAttribute('aria-invalid', String(Boolean(wrong)));
  if (wrong) name.focus();
  else rememberName(name.value.trim());
  return !wrong;
}

/**
 * Shows at each of these rooms how much there is that who goes in has not read.
 * @param {HTMLElement[]} items
 */
function showUnread(items) {
  const username = name.value.trim();
  for (const badge of items.flatMap((each) => [.../** @type {NodeListOf<HTMLElement>} */ (each.querySelectorAll('.room-unread'))])) {
    const show = (/** @type {Pick<Unread, 'unread' | 'capped'>} */ { unread, capped }) => {
      // The name may be another by now.
      if (name.value.trim() !== username) return;
      badge.hidden = !unread;
      within(badge, '.number').textContent = capped ? `${unread}+` : String(unread);
    };
    const nothing = { unread: 0, capped: false };
    if (wrongWithName(username)) show(nothing);
    else new Client(badge.dataset.room ?? '', { username }).unread().catch(() => nothing).then(show);
  }
}

/** @param {Room} room */
function item({ name: room, title, topic, online, last_message_at: lastMessageAt }) {
  const link = make('a', { href: `/rooms/${room}`, class: 'room-link' },
    make('span', { class: 'room-names' },
      make('bdi', { class: 'room-title' }, title || `#${room}`),
      make('bdi', { class: 'room-topic' }, topic || (title ? `#${room}` : ''))),
    lastMessageAt ? make('span', { class: 'room-unread', 'data-room': room, hidden: true },
      make('span', { class: 'number' }), make('span', { class: 'hidden' }, ' unread')) : undefined,
    make('span', { class: 'room-life' },
      make('span', { class: online ? 'room-online some' : 'room-online' }, online ? `${online} here` : 'nobody here'),
      lastMessageAt ? last(lastMessageAt) : undefined));
  link.addEventListener('click', (event) => {
    // The room page shows the title before it has asked for it.
    save('sessionStorage', `parlor:room:${room}`, { title, topic });
    if (!isNamed()) event.preventDefault();
  });
  return make('li', {}, link);
}

async function loadPage() {
  more.disabled = true;
  try {
    const answer = await fetch(`/api/v1/rooms?${new URLSearchParams(next ? { after: next } : {})}`);
    if (!answer.ok) throw new Error(String(answer.status));
    const page = await answer.json();
    const first = list.children.length;
    const items = page.rooms.map(item);
    list.append(...items);
    showUnread(items);
    if (!list.children.length) list.append(item({ name: 'general', title: '', topic: 'Nobody has written yet', online: 0, last_message_at: null }));
    if (next) list.children[first]?.querySelector('a')?.focus();
    next = page.next;
    hasFailed = false;
    more.hidden = !next;
    note.textContent = '';
  } catch {
    hasFailed = true;
    note.textContent = 'The rooms could not be loaded.';
    more.hidden = false;
    more.textContent = 'Try again';
    return;
  } finally {
    more.disabled = false;
    list.removeAttribute('aria-busy');
  }
  more.textContent = 'Show more rooms';
}

name.value = rememberedName();
name.addEventListener('change', () => {
  isNamed();
  showUnread(children(list));
});
// Back from a room, also where the browser has kept the page as it was.
addEventListener('pageshow', ({ persisted }) => persisted && showUnread(children(list)));
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  if (hasFailed) loadPage();
  showUnread(children(list));
});
addEventListener('online', () => hasFailed && loadPage());
more.addEventListener('click', loadPage);
form.addEventListener('submit', (event) => {
  event.preventDefault();
  const room = other.value.trim();
  const isRoom = /^[A-Za-z0-9_-]{1,100}$/.test(room);
  otherError.textContent = isRoom ? '' : 'That is no name for a room.';
  other.setAttribute('aria-invalid', String(!isRoom));
  if (!isRoom) other.focus();
  else if (isNamed()) location.assign(`/rooms/${room}`);
});
loadPage();
