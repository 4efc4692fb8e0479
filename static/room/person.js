// Somebody in the room: their role, and what a moderator can do about them.
/** @import { Role } from '../client/events.js' */
/** @import { Place } from './required.js' */
import { writeToUser } from '../rooms/make-room.js';
import { make } from '../shared/dom.js';
import { askFirst, closing, openDialog, trying } from '../shared/dialog.js';
import { button, ending, entry, input, onSend, select } from '../shared/form.js';
import { fold } from '../shared/names.js';
import { ask } from '../shared/session.js';
import { after, DAY, HOUR, MINUTE, moment } from '../shared/times.js';
import { ROLES } from './standing.js';

/** @typedef {{ username: string, role: Role | null, since?: string, muted_until?: string | null }} Member */

/** @type {Record<Role, string>} */
export const ROLE_WORDS = { reader: 'Reader', member: 'Member', moderator: 'Moderator', owner: 'Owner' };
/** @type {[string, string][]} */
const MUTES = [[String(10 * MINUTE), '10 minutes'], [String(HOUR), 'An hour'], [String(DAY), 'A day'], [String(7 * DAY), 'A week'], [String(30 * DAY), '30 days']];
/** @type {[string, string][]} */
const BANS = [['', 'For ever'], [String(HOUR), 'An hour'], [String(DAY), 'A day'], [String(7 * DAY), 'A week'], [String(30 * DAY), '30 days']];
/** So many members are looked through for somebody: beyond that the server says what may not be done. */
const LOOKED_AT = 1_000;

/**
 * The roles that one may give to somebody, as choices.
 * @param {Place} place
 * @returns {[string, string][]}
 */
export const roleChoices = ({ standing }) => ROLES.filter((role) => standing.isAbove(role)).map((role) => [role, ROLE_WORDS[role]]);

/** @param {string | null | undefined} until */
export const isMuted = (until, now = Date.now()) => Boolean(until && Date.parse(until) > now);

/**
 * Somebody as the room knows them, by the list of its members.
 * @param {Place} place
 * @param {string} username
 * @returns {Promise<Member>}
 */
export async function find({ path }, username) {
  /** @type {string | null | undefined} */
  let from;
  for (let count = 0; count < LOOKED_AT && from !== null; count += 200) {
    const page = await ask(`${path}/members?${new URLSearchParams({ limit: '200', ...(from && { after: from }) })}`);
    const found = /** @type {Member[]} */ (page.members).find((member) => fold(member.username) === fold(username));
    if (found) return found;
    from = page.next;
  }
  return { username, role: null };
}

/**
 * Opens what can be done about somebody.
 * @param {Place} place
 * @param {Member} member
 * @param {() => void} [onChange]
 */
export function openPerson(place, member, onChange = () => {}) {
  const { standing, path, me, called } = place;
  const { username, role, muted_until: mutedUntil } = member;
  const own = `${path}/members/${encodeURIComponent(username)}`;
  const isMe = fold(username) === fold(me.username ?? '');
  const mayAct = !isMe && standing.isAbove(role);
  const error = make('p', { class: 'error', role: 'alert' });
  const done = make('p', { class: 'hint', role: 'status' });
  const attempt = async (/** @type {Promise<unknown>} */ change, /** @type {string} */ words) => {
    done.textContent = '';
    if (!(await trying(change, error))) return false;
    done.textContent = words;
    onChange();
    return true;
  };
  const close = () => {
    dialog.close();
    onChange();
  };

  const mute = () => askFirst({
    title: `Mute ${username}?`, text: `${username} reads on, and writes, reacts and types no more until then.`, yes: 'Mute', fields: [entry('How long', select('for', MUTES, String(HOUR)))],
  }, async ({ for: seconds }) => {
    await ask(`${path}/mutes/${encodeURIComponent(username)}`, { method: 'PUT', body: { until: after(seconds) } });
    return close;
  });
  const unmute = () => attempt(ask(`${path}/mutes/${encodeURIComponent(username)}`, { method: 'DELETE' }), `${username} is not muted any more.`).then((is) => is && close());
  const remove = () => askFirst({ title: `Remove ${username}?`, text: `${username} is no member of ${called()} any more.`, yes: 'Remove' }, async () => {
    await ask(own, { method: 'DELETE' });
    return close;
  });
  const ban = () => askFirst({
    title: `Ban ${username}?`, text: `${username} can do nothing in ${called()} from now on, and does not see it. What they wrote stays.`, yes: 'Ban',
    fields: [entry('How long', select('for', BANS)), entry('Reason', input({ name: 'reason', maxlength: 500 }), 'Moderators see it.')],
  }, async ({ for: seconds, reason }) => {
    await ask(`${path}/bans/${encodeURIComponent(username)}`, { method: 'PUT', body: { ...(reason && { reason }), ...(seconds && { until: after(seconds) }) } });
    return close;
  });

  const muted = isMuted(mutedUntil);
  const roles = select('role', [...(role ? [] : /** @type {[string, string][]} */ ([['', 'No member']])), ...roleChoices(place)], role ?? '');
  const setting = make('form', { class: 'adding pair', method: 'post' }, entry('Role', roles), make('button', { class: 'primary' }, 'Set'), ending()[0]);
  onSend(setting, async () => {
    const chosen = /** @type {Role | ''} */ (roles.value);
    if (!chosen) return;
    await ask(own, { method: 'PUT', body: { role: chosen } });
    close();
  });
  const about = [role ? ROLE_WORDS[role] : 'No member', member.since && role ? `since ${moment(member.since)}` : '', muted && mutedUntil ? `muted until ${moment(mutedUntil)}` : ''];
  const dialog = openDialog(username, [
    make('p', { class: 'hint' }, about.filter(Boolean).join(' · ')),
    mayAct && standing.may('add') ? setting : undefined,
    make('div', { class: 'stack' },
      !isMe && me.rights.includes('post') ? button('Write to them', () => attempt(writeToUser(username), '')) : undefined,
      mayAct && standing.may('mute') ? (muted ? button('End the mute', unmute) : button('Mute…', mute)) : undefined,
      mayAct && role && standing.may('remove') ? button('Remove from the room…', remove) : undefined,
      mayAct && standing.may('ban') ? button('Ban…', ban, { class: 'quiet bad' }) : undefined),
    error, done, make('div', { class: 'choice' }, closing('Close', { class: 'primary' })),
  ]);
  return dialog;
}
