// What moderators and admins did, as a list: who, what, to whom, when and why.
import { avatar, make } from './dom.js';
import { Listing } from './listing.js';
import { hue } from './names.js';
import { ask } from './session.js';
import { moment } from './times.js';

/** @typedef {{ id: number, at: string, room?: string | null, by: string, act: string, username: string | null, message_id: number | null, reason: string | null }} Entry */

/**
 * The list at `path` in the API: of the server, or of one room.
 * @param {string} path
 * @returns {Listing<Entry, number>}
 */
export const audit = (path) => new Listing({
  label: 'What was done',
  none: 'Nothing was done so far.',
  load: async (/** @type {number | undefined} */ before) => {
    const page = await ask(`${path}${before === undefined ? '' : `?before=${before}`}`);
    return { entries: page.entries, next: page.next };
  },
  item: (entry) => item(entry, path === 'audit'),
});

/** @type {Record<string, string>} */
const WORDS = {
  set_member: 'gave a role to', remove_member: 'removed', ban: 'banned', unban: 'ended the ban of', mute: 'muted', unmute: 'ended the mute of',
  delete_message: 'deleted a message of', change_room: 'changed the room', disable_user: 'disabled', enable_user: 'enabled', sign_out_user: 'signed out',
  make_bot: 'made the bot', make_key: 'made a key of', delete_key: 'deleted a key of', offer_reset: 'offered a new password to',
  invite: 'invited', delete_invitation: 'withdrew the invitation of',
};

/** Acts that are for anybody if they are for nobody in particular. */
const ANYBODY = new Set(['invite', 'delete_invitation']);

/** The words for what was done. @param {string} act */
export const inWords = (act) => WORDS[act] ?? act.replaceAll('_', ' ');

/**
 * @param {Entry} entry
 * @param {boolean} isOfAll
 */
function item({ id, at, room, by, act, username, message_id: message, reason }, isOfAll) {
  const place = room && isOfAll ? [' · ', make('bdi', {}, `#${room}`)] : [];
  return make('li', { 'data-key': id },
    avatar(by, hue(by)),
    make('div', { class: 'what' },
      make('p', { class: 'title' }, make('bdi', {}, by), make('span', {}, inWords(act)), username ? make('bdi', {}, username) : ANYBODY.has(act) ? make('span', {}, 'anybody') : undefined,
        message ? make('span', {}, `(message ${message})`) : undefined),
      reason ? make('p', { class: 'reason', dir: 'auto' }, reason) : undefined,
      make('p', { class: 'hint' }, moment(at), ...place)));
}
