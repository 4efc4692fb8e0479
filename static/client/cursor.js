// The cursor of a room: moved by events, and written in a query.
/** @import { ServerEvent } from './events.js' */

/**
 * The cursor after an event; undefined after an event of the moment that comes before any cursor. `isNew` is false
 * for an event that was told before, which is to be dropped.
 * @param {number | undefined} cursor
 * @param {ServerEvent} event
 * @returns {{ cursor: number | undefined, isNew: boolean }}
 */
export function advance(cursor, event) {
  // After a reset it may be lower than before.
  if (event.type === 'message_history') return { cursor: event.id, isNew: true };
  if (event.type === 'ping') return { cursor: Math.max(cursor ?? 0, event.cursor), isNew: true };
  if (!('id' in event)) return { cursor, isNew: true };
  const isNew = cursor === undefined || event.id > cursor;
  return { cursor: isNew ? event.id : cursor, isNew };
}

/**
 * Returns true if events are missing between the cursor and this event: ids have no gaps.
 * @param {number | undefined} cursor
 * @param {ServerEvent} event
 */
export function isAhead(cursor, event) {
  if (event.type === 'message_history' || !('id' in event)) return false;
  return (event.type === 'ping' ? event.cursor : event.id - 1) > (cursor ?? -1);
}

/**
 * Cursors by the names of their rooms, for a stream of several: `a:12,b:7`. A room without one begins with its history.
 * @param {Iterable<[room: string, cursor: number | undefined]>} cursors
 */
export function byName(cursors) {
  const known = [...cursors].filter(([, cursor]) => cursor !== undefined);
  return known.length ? known.map(([room, cursor]) => `${room}:${cursor}`).join(',') : undefined;
}

/**
 * The given ones of `fields`, as a query.
 * @param {Record<string, unknown>} [fields]
 */
export function params(fields = {}) {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
}
