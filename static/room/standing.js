// The user's standing in the room: what may be done there, as docs/permissions.md says. The server decides; this is what is offered.
/** @import { Role } from '../client/events.js' */
/** @import { Me } from '../shared/me.js' */
/** @import { Described } from './description.js' */

const LEVELS = /** @type {const} */ (['guest', 'reader', 'member', 'moderator', 'owner']);

/** @typedef {typeof LEVELS[number]} Level */

/**
 * The acts by their words in docs/permissions.md: the right they need, and the least level.
 * @satisfies {Record<string, [right: string, level: Level, words: string]>}
 */
export const ACTS = {
  see: ['read', 'reader', 'see who is in a room, its members, and what they have read'],
  change: ['moderate', 'moderator', 'change what a room is called, and who may do what in it'],
  post: ['post', 'member', 'post'],
  edit: ['post', 'member', 'edit a message'],
  delete: ['post', 'reader', 'delete a message'],
  react: ['post', 'member', 'react to a message'],
  attend: ['read', 'reader', 'be seen in a room'],
  join: ['post', 'reader', 'join a public room'],
  leave: ['post', 'reader', 'leave a room'],
  add: ['moderate', 'moderator', 'add members, and change roles below one\'s own'],
  remove: ['moderate', 'moderator', 'remove members with a role below one\'s own'],
  ban: ['moderate', 'moderator', 'ban users with a role below one\'s own, and end bans'],
  mute: ['moderate', 'moderator', 'mute users with a role below one\'s own, and end that'],
  bans: ['moderate', 'moderator', 'see who is banned'],
  audit: ['moderate', 'moderator', 'see what moderators did in a room'],
};

/** @typedef {keyof typeof ACTS} Act */

/** Every role, the lowest first. @type {Role[]} */
export const ROLES = ['reader', 'member', 'moderator', 'owner'];

/**
 * @param {Level | Role} one
 * @param {Level | Role} other
 */
const isAtLeast = (one, other) => LEVELS.indexOf(one) >= LEVELS.indexOf(other);

export class Standing {
  #me;
  #name;
  #of;

  /**
   * @param {Me} me
   * @param {string} name of the room
   * @param {() => Described} of the room as it is described now
   */
  constructor(me, name, of) {
    this.#me = me;
    this.#name = name;
    this.#of = of;
  }

  /** True for a server on which names are only claimed: everybody may all that members may. */
  get isOpen() {
    return this.#me.auth === 'open';
  }

  get isGuest() {
    return !this.isOpen && this.#me.username === null;
  }

  get isMember() {
    return Boolean(this.#of().role);
  }

  get isDirect() {
    return this.#of().visibility === 'private' && this.#name.startsWith('dm-');
  }

  /** @returns {Level} */
  get level() {
    if (this.isOpen) return 'member';
    if (this.isGuest) return 'guest';
    const { role, visibility } = this.#of();
    // A private room that an admin sees without being in it has no owner.
    const isAdmins = visibility === 'public' || (!role && !this.isDirect);
    if (this.#me.rights.includes('admin') && isAdmins) return 'owner';
    return role ?? 'member';
  }

  /** @param {Act} act */
  may(act) {
    const [right, level] = ACTS[act];
    if (!isAtLeast(this.level, level)) return false;
    if (this.isOpen) return true;
    if (!this.#me.rights.includes(right)) return false;
    if (act === 'join') return this.#of().visibility === 'public' && !this.isMember;
    if (act === 'leave') return this.isMember && !this.isDirect;
    // The two of a direct room stay the two.
    if (this.isDirect && ['add', 'remove', 'ban', 'mute', 'bans', 'change', 'audit'].includes(act)) return false;
    return act !== 'post' || this.#of().posting !== 'moderators' || isAtLeast(this.level, 'moderator');
  }

  /** Messages of others may be deleted. */
  get mayDeleteOthers() {
    return isAtLeast(this.level, 'moderator') && this.#me.rights.includes('moderate');
  }

  /** The room may be made public or private. */
  get mayChangeVisibility() {
    return this.may('change') && this.level === 'owner';
  }

  /**
   * A role is below one's own, or one is an owner: then it may be given, changed and taken away.
   * @param {Role | null} role
   */
  isAbove(role) {
    return !role || this.level === 'owner' || !isAtLeast(role, this.level);
  }

  /** The reason why nothing can be written here; nothing if it can. */
  get whyNotPost() {
    if (this.may('post')) return '';
    if (this.isGuest) return 'Sign in to write.';
    if (!this.#me.rights.includes('post')) return 'You may only read.';
    if (this.level === 'reader') return 'You are a reader of this room: you may read, and not write.';
    return 'Only moderators write in this room.';
  }
}
