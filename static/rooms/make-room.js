// New rooms: one with a title, public or private, and that of oneself and somebody else.
import { askFor } from '../shared/dialog.js';
import { entry, Fault, input, select } from '../shared/form.js';
import { ask } from '../shared/session.js';
import { NAME_OF_OTHER, offerUsers } from '../shared/user-field.js';

/** @type {[string, string][]} */
export const VISIBILITIES = [['private', 'Only its members'], ['public', 'Everybody here']];
const ROOM_NAME = /^[A-Za-z0-9_-]{1,100}$/;

/** Asks for a room and goes there. */
export function makeRoom() {
  const fields = [
    entry('Title', input({ name: 'title', maxlength: 200 })),
    entry('Who finds it', select('visibility', VISIBILITIES, 'private')),
    entry('Name in its address', input({ name: 'name', maxlength: 100, autocapitalize: 'none', spellcheck: 'false', dir: 'ltr' }),
      'Letters, digits, “-” and “_”. Everybody can find out that a name is taken; empty, the room gets one that says nothing.'),
  ];
  const words = { name_taken: 'There is a room of this name.', precondition_failed: 'There is a room of this name.', forbidden: 'You may not make rooms here.' };
  askFor({ title: 'New room', yes: 'Make it', fields, words }, async ({ title, visibility, name }) => {
    if (!title && !name) throw new Fault('title', 'Give it a title.');
    if (name && !ROOM_NAME.test(name)) throw new Fault('name', 'That is no name for a room.');
    const body = { title, visibility };
    // One that is there is not to be changed by whoever thinks to make it.
    const made = name
      ? ask(`rooms/${name}`, { method: 'PUT', body, headers: { 'If-None-Match': '*' } })
      : ask('rooms', { method: 'POST', body });
    goTo((await made).name);
  });
}

/** Asks whom to write to and goes there. */
export function writeTo() {
  const name = input({ name: 'username', ...NAME_OF_OTHER });
  const field = entry('Name', name);
  offerUsers(name);
  askFor({ title: 'Write to somebody', yes: 'Go on', fields: [field], words: { not_found: 'There is nobody of this name.' } }, async ({ username }) => {
    if (!username) throw new Fault('username', 'Choose somebody.');
    await writeToUser(username);
  });
}

/** Goes to the room of oneself and somebody else. @param {string} username */
export async function writeToUser(username) {
  goTo((await ask(`dms/${encodeURIComponent(username)}`, { method: 'PUT' })).name);
}

/** @param {string} room */
function goTo(room) {
  location.assign(`/rooms/${room}`);
}
