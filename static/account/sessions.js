// One's own sessions: when and where each was used, and its end.
import { make } from '../shared/dom.js';
import { acts, button } from '../shared/form.js';
import { Listing } from '../shared/listing.js';
import { ask, signInAgain } from '../shared/session.js';
import { moment } from '../shared/times.js';
import { device } from './device.js';

/** @typedef {{ id: number | string, created_at: string, last_used_at: string | null, agent: string | null, address: string | null, current: boolean }} Session */

export function sessions() {
  /** @type {Listing<Session, number>} */
  const listing = new Listing({
    label: 'Sessions',
    none: 'You have no sessions.',
    load: async (before) => {
      const page = await ask(`sessions${before === undefined ? '' : `?before=${before}`}`);
      return { entries: page.sessions, next: page.next };
    },
    item: (session) => item(session, listing),
  });
  return listing;
}

/**
 * @param {Session} session
 * @param {Listing<Session, number>} listing
 */
function item({ id, created_at: since, last_used_at: used, agent, address, current }, listing) {
  const end = async () => {
    try {
      await ask(`sessions/${id}`, { method: 'DELETE' });
      if (current) signInAgain();
      else await listing.reload();
    } catch (error) {
      listing.fail(error);
    }
  };
  const name = device(agent);
  return make('li', { 'data-key': id },
    make('div', { class: 'what' },
      make('p', { class: 'title' }, make('bdi', { title: agent ?? undefined }, name), current ? make('span', { class: 'tag' }, 'this one') : undefined),
      make('p', { class: 'hint' }, make('bdi', {}, address ?? 'unknown address'), ` · last used ${moment(used ?? since)} · since ${moment(since)}`)),
    acts(button('End', end, { 'aria-label': `End the session: ${name}${current ? ', this one' : ''}`, 'data-act': 'end' })));
}
