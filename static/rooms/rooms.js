// The page at /: the rooms there are, and the name one goes in under.
import { byId, make } from '../shared/dom.js';
import { rememberedName, rememberName, wrongWithName } from '../shared/names.js';
import { Client } from '../client/parlor.js';
import { save } from '../shared/store.js';

const [name, nameError, list, note, more, form, other, otherError] =
  ['name', 'name-error', 'rooms', 'rooms-note', 'more', 'open', 'other', 'other-error'].map(byId);
let next;

const [clock, day, date, exact] = [
  { hour: '2-digit', minute: '2-digit' },
  { weekday: 'short' },
  { dateStyle: 'medium' },
  { dateStyle: 'full', timeStyle: 'medium' },
].map((form) => new Intl.DateTimeFormat(undefined, form));

/** When something was said, in as few characters as tell it: the time today, the day within a week, else the date. */
function brief(time) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  if (time >= midnight) return clock.format(time);
  return (midnight - time < 6 * 24 * 3600 * 1000 ? day : date).format(time);
}

/** The time of a room's newest message. */
function last(timestamp) {
  const time = new Date(timestamp);
  const label = `last message: ${exact.format(time)}`;
  return make('time', { class: 'room-last', datetime: timestamp, title: label, 'aria-label': label }, brief(time));
}

/** Whether there is a name to go in under; else says what is missing. */
function isNamed() {
  const wrong = wrongWithName(name.value);
  nameError.textContent = wrong;
  name.setAttribute('aria-invalid', Boolean(wrong));
  if (wrong) name.focus();
  else rememberName(name.value.trim());
  return !wrong;
}

/** Shows at each of these rooms how much there is that who goes in has not read. */
function showUnread(items) {
  const username = name.value.trim();
  for (const badge of items.flatMap((each) => [...each.querySelectorAll('.room-unread')])) {
    const show = ({ unread, capped }) => {
      // The name may be another by now.
      if (name.value.trim() !== username) return;
      badge.hidden = !unread;
      badge.querySelector('.number').textContent = capped ? `${unread}+` : unread;
    };
    const nothing = { unread: 0 };
    if (wrongWithName(username)) show(nothing);
    else new Client(badge.dataset.room, { username }).unread().catch(() => nothing).then(show);
  }
}

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
    if (!answer.ok) throw new Error(answer.status);
    const page = await answer.json();
    const first = list.children.length;
    const items = page.rooms.map(item);
    list.append(...items);
    showUnread(items);
    if (!list.children.length) list.append(item({ name: 'general', title: '', topic: 'Nobody has written yet', online: 0, last_message_at: null }));
    if (next) list.children[first]?.querySelector('a').focus();
    next = page.next;
    more.hidden = !next;
    note.textContent = '';
  } catch {
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
  showUnread([...list.children]);
});
// Back from a room, also where the browser has kept the page as it was.
addEventListener('pageshow', ({ persisted }) => persisted && showUnread([...list.children]));
document.addEventListener('visibilitychange', () => document.hidden || showUnread([...list.children]));
more.addEventListener('click', loadPage);
form.addEventListener('submit', (event) => {
  event.preventDefault();
  const room = other.value.trim();
  const isRoom = /^[A-Za-z0-9_-]{1,100}$/.test(room);
  otherError.textContent = isRoom ? '' : 'That is no name for a room.';
  other.setAttribute('aria-invalid', !isRoom);
  if (!isRoom) other.focus();
  else if (isNamed()) location.assign(`/rooms/${room}`);
});
loadPage();
