// The page at / where credentials are required: the rooms one is in, direct messages, public rooms, and how to make more.
/** @import { Me } from '../shared/me.js' */
/** @import { Listed } from './sorted.js' */
import { avatar, byId, make } from '../shared/dom.js';
import { trying } from '../shared/dialog.js';
import { acts, button } from '../shared/form.js';
import { Listing } from '../shared/listing.js';
import { whoAmI } from '../shared/me.js';
import { hue } from '../shared/names.js';
import { UNREACHABLE } from '../shared/refusals.js';
import { ask, enter } from '../shared/session.js';
import { showWords } from '../shared/signed-in.js';
import { makeRoom, writeTo } from './make-room.js';
import { roomItem, showUnread } from './room-item.js';
import { isDirect, otherOf, underOf } from './sorted.js';

/** As many at once as the server gives. */
const PAGE = '200';

/**
 * A page of rooms, only those that `isWanted`; more than one of the server's, if the first have none.
 * @param {Record<string, string>} query
 * @param {string | undefined} from
 * @param {(room: Listed) => boolean} isWanted
 */
async function page(query, from, isWanted) {
  for (let after = from; ; ) {
    const { rooms, next } = await ask(`rooms?${new URLSearchParams({ limit: PAGE, ...query, ...(after && { after }) })}`);
    const entries = /** @type {Listed[]} */ (rooms).filter(isWanted);
    if (entries.length || next === null) return { entries, next: /** @type {string | null} */ (next) };
    after = next;
  }
}

/** @param {Listed} room */
const ownItem = (room) => {
  const item = roomItem(room, { under: underOf(room) });
  item.dataset.key = room.name;
  // That one of two is not looking is nothing to say.
  if (isDirect(room)) item.querySelector('.room-online:not(.some)')?.remove();
  else if (room.visibility === 'private') item.querySelector('.room-title')?.after(make('span', { class: 'tag' }, 'private'));
  return item;
};

/**
 * Lists the rooms one is in, and the direct messages, which are rooms as well.
 * @param {string} me
 */
function listMine(me) {
  /** @param {HTMLElement[]} items */
  const onShown = (items) => showUnread(items, me);
  const rooms = new Listing({
    label: 'Your rooms', none: 'You are in no room yet.', item: ownItem, onShown,
    load: (/** @type {string | undefined} */ after) => page({ mine: 'true' }, after, (room) => !isDirect(room)),
  });
  const directs = new Listing({
    label: 'Direct messages', none: 'You have written to nobody yet.', item: ownItem, onShown,
    load: async (/** @type {string | undefined} */ after) => {
      const { entries, next } = await page({ mine: 'true' }, after, isDirect);
      // Such a room has a name that says nothing: it is called as the other is.
      const named = await Promise.all(entries.map(async (room) => ({ ...room, title: room.title || await otherOf(room.name, me) })));
      return { entries: named, next };
    },
  });
  return { rooms, directs };
}

/**
 * Lists the public rooms that one is not in.
 * @param {Me} me
 * @param {() => void} onJoined
 */
function listPublic({ username, rights }, onJoined) {
  /** @type {(room: Listed) => HTMLElement} */
  const item = (room) => {
    const made = roomItem(room, { under: underOf(room) });
    made.dataset.key = room.name;
    if (username === null || !rights.includes('post')) return made;
    const join = async () => {
      if (await trying(ask(`rooms/${encodeURIComponent(room.name)}/join`, { method: 'POST' }), byId('public-error'))) onJoined();
    };
    made.classList.add('joinable');
    made.append(button('Join', join, { 'aria-label': `Join ${room.title || room.name}`, 'data-act': 'join' }));
    return made;
  };
  return new Listing({
    label: 'Public rooms', none: username === null ? 'There are no public rooms.' : 'There is no public room that you are not in.', item,
    onShown: (items) => username !== null && showUnread(items, username),
    load: (/** @type {string | undefined} */ after) => page({}, after, ({ visibility, role }) => visibility === 'public' && !role),
  });
}

/** @param {Me} me */
function show(me) {
  const { username, rights, admin } = me;
  const mine = username === null ? undefined : listMine(username);
  const others = listPublic(me, () => {
    others.reload();
    mine?.rooms.reload();
  });
  byId('public').append(others.element);
  others.reload();
  byId('to-sign-in').hidden = username !== null;
  if (!mine) return;
  byId('who').textContent = username;
  byId('account').prepend(avatar(username ?? '', hue(username ?? '')));
  byId('account').hidden = false;
  byId('admin').hidden = !admin;
  for (const id of ['mine', 'directs']) byId(id).hidden = false;
  byId('mine').append(mine.rooms.element);
  byId('directs').append(mine.directs.element);
  if (rights.includes('post')) {
    byId('mine').append(acts(button('New room…', makeRoom)));
    byId('directs').append(acts(button('Write to somebody…', writeTo)));
  }
  const reload = () => {
    for (const listing of [mine.rooms, mine.directs, others]) listing.reload();
  };
  reload();
  // Back from a room, also where the browser has kept the page as it was.
  addEventListener('pageshow', ({ persisted }) => persisted && reload());
  document.addEventListener('visibilitychange', () => document.hidden || reload());
}

async function start() {
  const me = await whoAmI(() => showWords(UNREACHABLE));
  if (me.username === null && !me.guests) {
    location.replace('/sign-in');
    return;
  }
  showWords(enter(me));
  document.querySelector('main')?.removeAttribute('aria-busy');
  byId('cards').hidden = false;
  show(me);
}

start();
