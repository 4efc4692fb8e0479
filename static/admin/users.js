// The users of the server: found by name, disabled, signed out, given a new password.
/** @import { Me } from '../shared/me.js' */
import { linkWith } from '../account/link.js';
import { avatar, byId, make } from '../shared/dom.js';
import { askFirst, closing, openDialog, showSecret, trying } from '../shared/dialog.js';
import { acts, button } from '../shared/form.js';
import { Listing } from '../shared/listing.js';
import { hue } from '../shared/names.js';
import { inTime } from '../shared/refusals.js';
import { ask } from '../shared/session.js';

/** @typedef {{ username: string, kind: string, disabled?: boolean }} User */

/** After how long without a key it is searched. */
const IDLE = 200;

/**
 * The list of users, in its place.
 * @param {Me} me
 * @param {() => void} onChange called when something was done to one of them
 */
export function users(me, onChange) {
  const field = byId('prefix', HTMLInputElement);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {Listing<User, string>} */
  const listing = new Listing({
    label: 'Users',
    none: 'There is nobody of such a name.',
    load: async (after) => {
      const page = await ask(`users?${new URLSearchParams({ prefix: field.value.trim(), ...(after === undefined ? {} : { after }) })}`);
      return { entries: page.users, next: page.next };
    },
    item: (user) => item(user, me, () => {
      listing.reload();
      onChange();
    }),
  });
  field.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => listing.reload(), IDLE);
  });
  byId('users').append(listing.element);
  listing.reload();
}

/**
 * @param {User} user
 * @param {Me} me
 * @param {() => void} onChange
 */
function item(user, me, onChange) {
  const { username, kind, disabled } = user;
  const tags = [kind === 'bot' ? 'bot' : '', disabled ? 'disabled' : '', username === me.username ? 'you' : ''].filter(Boolean);
  return make('li', { 'data-key': username },
    avatar(username, hue(username)),
    make('div', { class: 'what' }, make('p', { class: 'title' }, make('bdi', {}, username), ...tags.map((tag) => make('span', { class: 'tag' }, tag)))),
    acts(button('Manage…', () => manage(user, me, onChange), { 'aria-label': `Manage ${username}…`, 'data-act': 'manage' })));
}

/** @param {string} username */
const pathOf = (username) => `users/${encodeURIComponent(username)}`;

/**
 * @param {User} user
 * @param {Me} me
 * @param {() => void} onChange
 */
function manage({ username, kind, disabled }, me, onChange) {
  const error = make('p', { class: 'error', role: 'alert' });
  const done = make('p', { class: 'hint', role: 'status' });
  const patch = async (/** @type {object} */ body, /** @type {string} */ words) => {
    done.textContent = '';
    if (await trying(ask(pathOf(username), { method: 'PATCH', body }), error)) done.textContent = words;
    onChange();
  };
  const reset = async () => {
    /** @type {{ reset?: string, expires_in?: number }} */
    let made = {};
    const isDone = await trying(ask(`${pathOf(username)}/reset`, { method: 'POST' }).then((answer) => {
      made = answer;
    }), error);
    if (!isDone || !made.reset) return;
    onChange();
    showSecret({
      title: 'A new password', text: `Send this link to ${username}. It is shown this once and can be used once${made.expires_in ? `, within ${inTime(made.expires_in * 1000)}` : ''}.`,
      label: 'Link for a new password', secret: linkWith({ reset: made.reset, username }, location.origin),
    });
  };
  const disable = () => askFirst({ title: `Disable ${username}?`, text: 'Everything of theirs is refused at once: sessions, keys, streams. What they wrote stays.', yes: 'Disable' },
    () => patch({ disabled: true }, `${username} is disabled.`));
  const isOther = username !== me.username;
  openDialog(username, [
    make('div', { class: 'stack' },
      kind === 'person' && me.accounts !== 'off' ? button('Make a link for a new password', reset) : undefined,
      button('Sign out everywhere', () => patch({ sign_out: true }, `${username} is signed out everywhere.`)),
      isOther && !disabled ? button('Disable…', disable, { class: 'quiet bad' }) : undefined,
      isOther && disabled ? button('Enable again', () => patch({ disabled: false }, `${username} may sign in again.`)) : undefined),
    error, done, make('div', { class: 'choice' }, closing('Close', { class: 'primary' })),
  ]);
}
