// The page at /: the rooms there are, and the name one goes in under.
/** @import { Room } from './room-item.js' */
import { byId, children } from '../shared/dom.js';
import { rememberedName, rememberName, wrongWithName } from '../shared/names.js';
import { roomItem, showUnread } from './room-item.js';

const [nameError, list, note, form, otherError] = ['name-error', 'rooms', 'rooms-note', 'open', 'other-error'].map((id) => byId(id));
const [name, other] = ['name', 'other'].map((id) => byId(id, HTMLInputElement));
const more = byId('more', HTMLButtonElement);
/** @type {string | null} */
let next = null;
let hasFailed = false;

/** Returns true if there is a name to go in under; else says what is missing. */
function isNamed() {
  const wrong = wrongWithName(name.value);
  nameError.textContent = wrong;
  name.setAttribute('aria-invalid', String(Boolean(wrong)));
  if (wrong) name.focus();
  else rememberName(name.value.trim());
  return !wrong;
}

/** @param {HTMLElement[]} items */
function countUnread(items) {
  const username = name.value.trim();
  // The name may be another by then.
  showUnread(items, wrongWithName(username) ? undefined : username, () => name.value.trim() === username);
}

/** @param {Room} room */
const item = (room) => roomItem(room, { mayOpen: isNamed });

async function loadPage() {
  more.disabled = true;
  try {
    const answer = await fetch(`/api/v1/rooms?${new URLSearchParams(next ? { after: next } : {})}`);
    if (!answer.ok) throw new Error(String(answer.status));
    const page = await answer.json();
    const first = list.children.length;
    const items = page.rooms.map(item);
    list.append(...items);
    countUnread(items);
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
  countUnread(children(list));
});
// Back from a room, also where the browser has kept the page as it was.
addEventListener('pageshow', ({ persisted }) => persisted && countUnread(children(list)));
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  if (hasFailed) loadPage();
  countUnread(children(list));
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
