// The way into a room where credentials are required, and out of it again: to the sign-in, or to the list with the reason.
/** @import { Me } from '../shared/me.js' */
/** @import { Described, Description } from './description.js' */
/** @import { Connection } from './room.js' */
import { backoff, isFinal, Refused, request } from '../client/request.js';
import { otherOf, isDirect } from '../rooms/sorted.js';
import { fold } from '../shared/fold.js';
import { leaveFor, signInAddress } from '../shared/parting.js';
import { enter, hasEnded, signInAgain } from '../shared/session.js';
import { notice } from './notice.js';

/** @param {string} room */
const pathOf = (room) => `/api/v1/rooms/${encodeURIComponent(room)}`;

/**
 * The room as it is described to the user, or nothing: then the page is being left.
 * @param {string} room
 * @param {Me} me
 * @param {() => void} onAway
 * @returns {Promise<Described | undefined>}
 */
export async function arrive(room, me, onAway) {
  const words = enter(me);
  for (let failures = 0; ; failures += 1) {
    try {
      const described = await request(pathOf(room));
      if (words) notice(words);
      return isDirect(described) ? { ...described, title: described.title || await otherOf(room, me.username ?? '') } : described;
    } catch (error) {
      if (isFinal(error)) return turnAway(error, room, me);
      onAway();
      const pause = (error instanceof Refused && error.retryAfter) || backoff(failures);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

/**
 * @param {Refused} refusal
 * @param {string} room
 * @param {Me} me
 * @param {string} [why]
 * @returns {undefined}
 */
function turnAway(refusal, room, me, why) {
  if (me.username === null) leaveFor(signInAddress(), 'Sign in to see this room.');
  else if (hasEnded(refusal)) signInAgain();
  else if (why) leaveFor('/', why);
  else if (refusal.code === 'banned') leaveFor('/', `You are banned from #${room}.`);
  else leaveFor('/', refusal.status === 404 ? `There is no room #${room}, or you are not in it.` : refusal.message);
  return undefined;
}

/**
 * Leaves the page once the room is there no longer for the user: a line gives no reason, but says that there is one.
 * @param {Connection} client
 * @param {Description} description
 * @param {Me} me
 */
export function followOut(client, description, me) {
  let why = '';
  let isAsking = false;
  let failures = 0;
  const called = () => description.room.title || `#${client.room}`;
  client.addEventListener('member_left', ({ detail: { username, by, reason } }) => {
    if (fold(username) === fold(me.username ?? '')) why = wordsOf(reason, by, called());
  });
  client.addEventListener('member_joined', ({ detail: { username } }) => {
    if (fold(username) === fold(me.username ?? '')) why = '';
  });
  const look = async () => {
    if (isAsking || client.isClosed) return;
    isAsking = true;
    try {
      await client.ask(client.path);
      // It is there after all: the line is opened again, ever more rarely.
      await client.pause(backoff(failures++));
      if (client.cursor === undefined) location.reload();
      else if (!client.isClosed) client.setTransport(client.transport);
    } catch (error) {
      if (isFinal(error)) turnAway(error, client.room, me, [403, 404].includes(error.status) ? why : undefined);
    } finally {
      isAsking = false;
    }
  };
  client.addEventListener('error', look);
  client.addEventListener('retry', ({ detail }) => hasEnded(detail.error) && look());
  client.addEventListener('state', ({ detail }) => {
    if (detail.name === 'refused') look();
    if (detail.name === 'connected') failures = 0;
  });
}

/**
 * @param {'left' | 'removed' | 'banned'} reason
 * @param {string} by
 * @param {string} room
 */
export function wordsOf(reason, by, room) {
  if (reason === 'left') return `You have left ${room}.`;
  return reason === 'banned' ? `${by} has banned you from ${room}.` : `${by} has removed you from ${room}.`;
}
