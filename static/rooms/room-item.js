// A room in a list: a link with its title, what is unread, who is there, and when something was last said.
/** @import { Unread } from '../client/events.js' */
import { Client } from '../client/client.js';
import { make, within } from '../shared/dom.js';
import { save } from '../shared/store.js';

/** @typedef {{ name: string, title: string, topic: string, online: number, last_message_at: string | null }} Room */

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

/**
 * The item of a room. `mayOpen` is asked when its link is followed; `under` is the line below its title.
 * @param {Room} room
 * @param {{ mayOpen?: () => boolean, under?: string }} [options]
 */
export function roomItem({ name: room, title, topic, online, last_message_at: lastMessageAt }, { mayOpen, under = title ? `#${room}` : '' } = {}) {
  const link = make('a', { href: `/rooms/${room}`, class: 'room-link' },
    make('span', { class: 'room-names' },
      make('bdi', { class: 'room-title' }, title || `#${room}`),
      make('bdi', { class: 'room-topic' }, topic || under)),
    lastMessageAt ? make('span', { class: 'room-unread', 'data-room': room, hidden: true },
      make('span', { class: 'number' }), make('span', { class: 'hidden' }, ' unread')) : undefined,
    make('span', { class: 'room-life' },
      make('span', { class: online ? 'room-online some' : 'room-online' }, online ? `${online} here` : 'nobody here'),
      lastMessageAt ? last(lastMessageAt) : undefined));
  link.addEventListener('click', (event) => {
    // The room page shows the title before it has asked for it.
    save('sessionStorage', `parlor:room:${room}`, { title, topic });
    if (mayOpen && !mayOpen()) event.preventDefault();
  });
  return make('li', {}, link);
}

/**
 * Shows at each of these rooms how much there is that `username` has not read; nothing for nobody. `isCurrent` is asked
 * before an answer is shown.
 * @param {Element[]} items
 * @param {string | undefined} username
 * @param {() => boolean} [isCurrent]
 */
export function showUnread(items, username, isCurrent = () => true) {
  for (const badge of items.flatMap((each) => [.../** @type {NodeListOf<HTMLElement>} */ (each.querySelectorAll('.room-unread'))])) {
    const show = (/** @type {Pick<Unread, 'unread' | 'capped'>} */ { unread, capped }) => {
      if (!isCurrent()) return;
      badge.hidden = !unread;
      within(badge, '.number').textContent = capped ? `${unread}+` : String(unread);
    };
    const nothing = { unread: 0, capped: false };
    if (username === undefined) show(nothing);
    else new Client(badge.dataset.room ?? '', { username }).unread().catch(() => nothing).then(show);
  }
}
