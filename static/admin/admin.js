// The page at /admin: invitations, users, and what was done.
import { byId } from '../shared/dom.js';
import { audit } from '../shared/audit.js';
import { showWords, signedIn } from '../shared/signed-in.js';
import { invitations } from './invitations.js';
import { users } from './users.js';

async function start() {
  const me = await signedIn();
  if (!me) return;
  if (!me.rights.includes('admin')) {
    showWords('This page is for admins.');
    return;
  }
  byId('invitations').hidden = me.accounts === 'off';
  if (me.accounts !== 'off') byId('invitations').append(...invitations());
  const listing = audit('audit');
  users(me, () => listing.reload());
  byId('audit').append(listing.element);
  byId('cards').hidden = false;
  listing.reload();
}

start();
