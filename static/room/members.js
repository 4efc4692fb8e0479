// The members of the room and those who are banned from it, in dialogs that follow what happens.
/** @import { Member } from './person.js' */
/** @import { Place } from './required.js' */
import { avatar, make } from '../shared/dom.js';
import { closing, openDialog } from '../shared/dialog.js';
import { acts, button, ending, entry, Fault, focusFirst, input, onSend, select } from '../shared/form.js';
import { Listing } from '../shared/listing.js';
import { fold, hue } from '../shared/names.js';
import { ask } from '../shared/session.js';
import { moment } from '../shared/times.js';
import { NAME_OF_OTHER, offerUsers } from '../shared/user-field.js';
import { isMuted, openPerson, ROLE_WORDS, roleChoices } from './person.js';

const CHANGES = /** @type {const} */ (['member_joined', 'member_changed', 'member_left']);

/**
 * Opens the list of members, with a way to add one for whoever may.
 * @param {Place} place
 */
export function openMembers(place) {
  const { client, path, standing } = place;
  /** @type {Listing<Member, string>} */
  const listing = new Listing({
    label: 'Members',
    none: 'Nobody is a member. Everybody may read and write all the same.',
    load: async (after) => {
      const page = await ask(`${path}/members?${new URLSearchParams(after === undefined ? {} : { after })}`);
      return { entries: page.members, next: page.next };
    },
    item: (member) => memberItem(member, place, listing),
  });
  const form = standing.may('add') ? adding(place, listing) : undefined;
  const reload = () => listing.reload();
  const dialog = openDialog('Members', [form, listing.element, make('div', { class: 'choice' }, closing('Close', { class: 'primary' }))], {
    isWide: true,
    onClose: () => CHANGES.forEach((type) => client.removeEventListener(type, reload)),
  });
  CHANGES.forEach((type) => client.addEventListener(type, reload));
  focusFirst(dialog);
  reload();
}

/**
 * @param {Place} place
 * @param {Listing<Member, string>} listing
 */
function adding(place, listing) {
  const name = input({ name: 'username', ...NAME_OF_OTHER });
  const form = make('form', { class: 'adding', method: 'post' },
    entry('Add', name), entry('As', select('role', roleChoices(place), 'member')), make('button', { class: 'primary' }, 'Add'), ending()[0]);
  offerUsers(name);
  const words = { not_found: 'There is nobody of this name.', banned: 'They are banned from this room. End the ban first.' };
  onSend(form, async ({ username, role }) => {
    if (!username) throw new Fault('username', 'Choose somebody.');
    await ask(`${place.path}/members/${encodeURIComponent(username)}`, { method: 'PUT', body: { role } });
    name.value = '';
    name.focus();
    await listing.reload();
  }, words);
  return form;
}

/**
 * @param {Member} member
 * @param {Place} place
 * @param {Listing<Member, string>} listing
 */
function memberItem(member, place, listing) {
  const { username, role, muted_until: mutedUntil } = member;
  const isMe = fold(username) === fold(place.me.username ?? '');
  const tags = [role ? ROLE_WORDS[role] : '', isMuted(mutedUntil) ? 'muted' : '', isMe ? 'you' : ''].filter(Boolean);
  return make('li', { 'data-key': username },
    avatar(username, hue(username)),
    make('div', { class: 'what' }, make('p', { class: 'title' }, make('bdi', {}, username), ...tags.map((tag) => make('span', { class: 'tag' }, tag)))),
    isMe ? undefined : acts(button('More…', () => openPerson(place, member, () => listing.reload()), { 'aria-label': `More about ${username}…`, 'data-act': 'more' })));
}

/** @typedef {{ username: string, by: string, reason: string | null, since: string, until: string | null }} Ban */

/**
 * Opens the list of those who are banned.
 * @param {Place} place
 */
export function openBans({ path }) {
  /** @type {Listing<Ban, string>} */
  const listing = new Listing({
    label: 'Banned',
    none: 'Nobody is banned.',
    load: async (after) => {
      const page = await ask(`${path}/bans?${new URLSearchParams(after === undefined ? {} : { after })}`);
      return { entries: page.bans, next: page.next };
    },
    item: ({ username, by, reason, since, until }) => {
      const end = async () => {
        try {
          await ask(`${path}/bans/${encodeURIComponent(username)}`, { method: 'DELETE' });
          await listing.reload();
        } catch (error) {
          listing.fail(error);
        }
      };
      return make('li', { 'data-key': username },
        avatar(username, hue(username)),
        make('div', { class: 'what' },
          make('p', { class: 'title' }, make('bdi', {}, username)),
          reason ? make('p', { class: 'reason', dir: 'auto' }, reason) : undefined,
          make('p', { class: 'hint' }, 'by ', make('bdi', {}, by), ` · since ${moment(since)} · ${until ? `until ${moment(until)}` : 'for ever'}`)),
        acts(button('End', end, { 'aria-label': `End the ban of ${username}`, 'data-act': 'end' })));
    },
  });
  openDialog('Banned', [listing.element, make('div', { class: 'choice' }, closing('Close', { class: 'primary', autofocus: true }))], { isWide: true });
  listing.reload();
}
