// The page at /account: one's own password, sessions and keys, and the way out.
import { byId, make } from '../shared/dom.js';
import { askFirst } from '../shared/dialog.js';
import { entry, Fault, input, onSend } from '../shared/form.js';
import { fold } from '../shared/fold.js';
import { inPlainWords } from '../shared/refusals.js';
import { leaveFor } from '../shared/parting.js';
import { ask, signOut } from '../shared/session.js';
import { signedIn } from '../shared/signed-in.js';
import { moment } from '../shared/times.js';
import { keys } from './keys.js';
import { sessions } from './sessions.js';

/** @param {string} username */
function password(username) {
  const form = byId('password-form', HTMLFormElement);
  byId('password-user', HTMLInputElement).value = username;
  onSend(form, async ({ current, new: next }) => {
    byId('password-done').textContent = '';
    if (!current) throw new Fault('current', 'Fill this in.');
    if (!next) throw new Fault('new', 'Fill this in.');
    await ask('me/password', { method: 'PUT', body: { current, new: next } });
    form.reset();
    byId('password-user', HTMLInputElement).value = username;
    byId('password-done').textContent = 'Your password is changed.';
    await listed.reload();
  }, { bad_credentials: 'The current password is not right.' });
}

/** @param {string} username */
function leave(username) {
  const name = entry('To be sure, type your name', input({ name: 'confirmed', autocapitalize: 'none', spellcheck: 'false' }));
  askFirst({
    title: 'Leave this server?',
    text: `You can’t come back under the name ${username}, and nobody else can have it. This can’t be undone.`,
    yes: 'Leave for ever', fields: [name],
  }, async ({ confirmed }) => {
    if (fold(confirmed) !== fold(username)) throw new Fault('confirmed', 'This is not your name.');
    await ask('me', { method: 'DELETE' });
    leaveFor('/sign-in', 'You have left. Your account is gone.');
  });
}

const listed = sessions();

async function start() {
  const me = await signedIn();
  if (!me) return;
  const { username, admin, kind, expires_at: until, accounts } = me;
  byId('who').textContent = username;
  byId('who-hint').textContent = [
    admin ? 'You are an admin of this server.' : '', kind === 'bot' ? 'This is a bot.' : '', until ? `You stay signed in until ${moment(until)}.` : '',
  ].filter(Boolean).join(' ');
  if (admin) byId('who-hint').after(make('p', {}, make('a', { class: 'link', href: '/admin' }, 'Administration')));
  byId('password-card').hidden = accounts === 'off';
  byId('sign-out').addEventListener('click', () => signOut().catch((error) => {
    byId('who-error').textContent = inPlainWords(error);
  }));
  byId('leave').addEventListener('click', () => leave(username));
  password(username);
  byId('sessions').append(listed.element);
  byId('keys').append(...keys(me));
  byId('cards').hidden = false;
  listed.reload();
}

start();
