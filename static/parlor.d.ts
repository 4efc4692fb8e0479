// The types of parlor.js, for those who write against it. tests/pages/types.ts holds it to the source.

import type { ClientEvents, Found, Message, Messages, ReadCursor, Revision, State, Transport, Unread } from './client/events.js';

export type * from './client/events.js';

export interface ClientOptions {
  /** The user who posts, changes and reads; without a name one reads unseen. */
  username?: string;
  /** Resume after this cursor. */
  since?: number;
  /** The address of the API. */
  base?: string;
}

export interface RoomOptions extends ClientOptions {
  /** The number of messages in the history, 0 to 200. */
  history?: number;
  transport?: Transport;
}

/** An answer that is no success, with the fields of its problem document. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string | undefined;
  readonly errors: { field: string; detail: string }[];
  /** The time to wait before asking again, in milliseconds. */
  readonly retryAfter: number | undefined;
  /** True if asking again can't help. */
  get isFinal(): boolean;
}

/** A room without a line: nothing is followed, everything can be asked. */
export class Client extends EventTarget {
  constructor(room: string, options?: ClientOptions);
  readonly room: string;
  readonly username: string | undefined;
  /** The id of the newest event seen. */
  readonly cursor: number | undefined;
  readonly base: string;
  readonly state: State;
  /** The path of the room in the API. */
  get path(): string;
  get isClosed(): boolean;
  addEventListener<Type extends keyof ClientEvents>(
    type: Type, listener: ((event: CustomEvent<ClientEvents[Type]>) => unknown) | EventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<Type extends keyof ClientEvents>(
    type: Type, listener: ((event: CustomEvent<ClientEvents[Type]>) => unknown) | EventListenerObject | null, options?: boolean | EventListenerOptions): void;
  /** Posts, and asks again with the same key until there is an answer, or `signal` ends it. Rejects if the answer is no. */
  post(content: string, options?: { clientId?: string; replyTo?: number | null; signal?: AbortSignal }): Promise<Message>;
  /** Says that the user types, or no longer; it lapses after 6 s. */
  typing(isTyping: boolean): Promise<void>;
  messages(query?: { before?: number; after?: number; limit?: number }): Promise<Messages>;
  message(id: number): Promise<Message>;
  edit(id: number, content: string): Promise<Message>;
  remove(id: number): Promise<Message>;
  react(id: number, emoji: string, on?: boolean): Promise<Message>;
  reactors(id: number, emoji: string, query?: { after?: number; limit?: number }): Promise<{ users: { username: string }[]; next: number | null }>;
  revisions(id: number, query?: { after?: number; limit?: number }): Promise<{ revisions: Revision[]; next: number | null }>;
  markRead(id: number): Promise<ReadCursor>;
  reads(query?: { after?: string; limit?: number }): Promise<{ cursors: ReadCursor[]; next: string | null }>;
  unread(): Promise<Unread>;
  search(q: string, query?: { before?: number | null; limit?: number }): Promise<Found>;
  close(): void;
}

/** A room followed by a line of its own. */
export class Room extends Client {
  constructor(room: string, options?: RoomOptions);
  get transport(): Transport;
  /** Goes on by another transport, from the cursor. */
  setTransport(transport: Transport): void;
}

/** Follows a room. */
export function connect(room: string, options?: RoomOptions): Room;

/** A key for a post. */
export function newClientId(): string;
