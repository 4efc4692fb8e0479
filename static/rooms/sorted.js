// Rooms where credentials are required: which are of two people, and what each is called.
/** @import { Role } from '../client/events.js' */
/** @import { Room } from './room-item.js' */
import { fold } from '../shared/fold.js';
import { load, save } from '../shared/store.js';
import { ask } from '../shared/session.js';

/** @typedef {Room & { visibility: 'public' | 'private', role: Role | null }} Listed */

/** A room of two people: nobody can name a room so, and one that was named so before stays public. @param {{ name: string, visibility?: string }} room */
export const isDirect = ({ name, visibility }) => visibility === 'private' && name.startsWith('dm-');

/** The line below a room's title: its name, unless the server has drawn that. @param {{ name: string, title: string, visibility?: string }} room */
export const underOf = (room) => (!room.title || isDirect(room) || room.name.startsWith('r-') ? '' : `#${room.name}`);

/**
 * The name of the other one in a room of two people, who never change.
 * @param {string} room
 * @param {string} me
 * @returns {Promise<string>}
 */
export async function otherOf(room, me) {
  const key = `parlor:other:${room}`;
  const known = load('sessionStorage', key);
  if (known) return known;
  try {
    const { members } = await ask(`rooms/${room}/members?limit=2`);
    const [other] = /** @type {{ username: string }[]} */ (members).filter(({ username }) => fold(username) !== fold(me));
    // The other one may have left.
    const name = other?.username ?? 'Somebody who left';
    if (other) save('sessionStorage', key, name);
    return name;
  } catch {
    return `#${room}`;
  }
}
