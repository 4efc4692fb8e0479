// Invitations: those that can still be used, a new one, which is shown once, and their end.
import { linkWith } from '../account/link.js';
import { make } from '../shared/dom.js';
import { askFor, showSecret } from '../shared/dialog.js';
import { acts, button, entry, input, select } from '../shared/form.js';
import { Listing } from '../shared/listing.js';
import { ask } from '../shared/session.js';
import { DAY, moment } from '../shared/times.js';
import { NAME_OF_OTHER, offerUsers } from '../shared/user-field.js';

/** @typedef {{ id: number | string, username: string | null, created_at: string, expires_at: string | null }} Invitation */

/** @type {[string, string][]} */
const LIVES = [[String(DAY), 'A day'], [String(7 * DAY), 'A week'], [String(30 * DAY), '30 days']];

/** The list of invitations and the button for another. */
export function invitations() {
  /** @type {Listing<Invitation, number>} */
  const listing = new Listing({
    label: 'Invitations',
    none: 'There are no invitations.',
    load: async (before) => {
      const page = await ask(`invitations${before === undefined ? '' : `?before=${before}`}`);
      return { entries: page.invitations, next: page.next };
    },
    item: (invitation) => item(invitation, listing),
  });
  listing.reload();
  return [listing.element, acts(button('New invitation…', () => invite(listing)))];
}

/**
 * @param {Invitation} invitation
 * @param {Listing<Invitation, number>} listing
 */
function item({ id, username, created_at: since, expires_at: until }, listing) {
  const remove = async () => {
    try {
      await ask(`invitations/${id}`, { method: 'DELETE' });
      await listing.reload();
    } catch (error) {
      listing.fail(error);
    }
  };
  const words = username ? ['For ', make('bdi', {}, username)] : ['For anybody'];
  return make('li', { 'data-key': id },
    make('div', { class: 'what' }, make('p', { class: 'title' }, make('span', {}, ...words)),
      make('p', { class: 'hint' }, [`made ${moment(since)}`, until ? `until ${moment(until)}` : ''].filter(Boolean).join(' · '))),
    acts(button('Delete', remove, { 'aria-label': `Delete the invitation ${username ? `for ${username}` : 'for anybody'}, made ${moment(since)}`, 'data-act': 'delete' })));
}

/** @param {Listing<Invitation, number>} listing */
function invite(listing) {
  const name = input({ name: 'username', ...NAME_OF_OTHER });
  const fields = [
    entry('For the name', name, 'Only this name can be registered with it. Empty: any name.'),
    entry('Good for', select('expires_in', LIVES, String(7 * DAY))),
  ];
  offerUsers(name);
  askFor({ title: 'New invitation', yes: 'Make it', fields }, async ({ username, expires_in: life }) => {
    const { invitation } = await ask('invitations', { method: 'POST', body: { ...(username && { username }), expires_in: Number(life) } });
    listing.reload();
    return () => showSecret({
      title: 'The invitation', text: 'Send this link to whom you invite. It is shown this once and can be used once.', label: 'Invitation',
      secret: linkWith({ invitation, username: username || undefined }, location.origin),
    });
  });
}
