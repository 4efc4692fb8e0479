// The client's parts that others use. docs/client.md
/** @import { Transport } from './events.js' */
import { Room } from './room.js';

export { Client, newClientId } from './client.js';
export { Refused } from './request.js';
export { Room };

/**
 * Follows a room.
 * @param {string} room
 * @param {{ username?: string, since?: number, history?: number, transport?: Transport, base?: string }} [options]
 */
export function connect(room, options) {
  return new Room(room, options);
}
