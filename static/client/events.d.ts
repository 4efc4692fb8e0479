// What the server sends, as openapi/openapi.json has it. Fields that are not known here may come, too.

export interface Reaction {
  emoji: string;
  count: number;
  /** The first of those who reacted; `Client.reactors` has all. */
  usernames: string[];
}

export interface Message {
  id: number;
  room: string;
  username: string;
  content: string;
  timestamp: string;
  edited_at: string | null;
  deleted_at: string | null;
  reply_to: number | null;
  reactions: Reaction[];
  client_id: string | null;
}

export interface Messages {
  messages: Message[];
  has_more: boolean;
  next: number;
  prev: number;
}

export interface Found {
  messages: Message[];
  next: number | null;
  /** The search was cut short: `next` goes on. */
  partial: boolean;
}

export interface Revision {
  content: string;
  timestamp: string;
}

export interface ReadCursor {
  username: string;
  last_read_id: number;
  updated_at: string;
}

export interface Unread {
  unread: number;
  capped: boolean;
  last_read_id: number;
}

export interface PresentUser {
  username: string;
  status: 'online' | 'offline';
  since: string;
}

interface InRoom<Type extends string> {
  type: Type;
  room: string;
}

interface Logged<Type extends string> extends InRoom<Type> {
  id: number;
}

export interface Reacted<Type extends string> extends Logged<Type> {
  message_id: number;
  username: string;
  emoji: string;
  reactions: Reaction[];
}

/** The events of the server, by their type. */
export interface ServerEvents {
  message_history: Logged<'message_history'> & { messages: Message[]; has_more: boolean };
  chat_message: Logged<'chat_message'> & { message: Message };
  message_edited: Logged<'message_edited'> & { message_id: number; new_content: string; edited_at: string; message: Message };
  message_deleted: Logged<'message_deleted'> & { message_id: number; deleted_at: string; username: string };
  reaction_added: Reacted<'reaction_added'>;
  reaction_removed: Reacted<'reaction_removed'>;
  room_updated: Logged<'room_updated'> & {
    title: string;
    topic: string;
    /** This and what follows only where credentials are required. */
    visibility?: 'public' | 'private';
    posting?: 'everyone' | 'moderators';
    slow_mode?: number;
  };
  reset: InRoom<'reset'> & { reason: string; floor: number; head: number };
  typing_indicator: InRoom<'typing_indicator'> & { username: string; is_typing: boolean; timestamp: string };
  read_receipt: InRoom<'read_receipt'> & { username: string; last_read_id: number };
  read_state: InRoom<'read_state'> & { cursors: ReadCursor[] };
  user_status: InRoom<'user_status'> & { username: string; status: 'online' | 'offline'; timestamp: string };
  presence_state: InRoom<'presence_state'> & { online: number; users: PresentUser[]; typing: string[]; typing_count: number };
  ping: Logged<'ping'> & { cursor: number };
  service_status: InRoom<'service_status'> & { status: 'ok' | 'degraded' };
  server_shutdown: InRoom<'server_shutdown'> & { reconnect_after_ms: number };
  member_joined: Logged<'member_joined'> & { username: string; role: Role; by: string };
  member_changed: Logged<'member_changed'> & { username: string; role: Role; by: string };
  member_left: Logged<'member_left'> & { username: string; by: string; reason: 'left' | 'removed' | 'banned' };
  error: { type: 'error'; room?: string; status: number; code: string; detail: string };
  auth_expiring: { type: 'auth_expiring'; room?: undefined; stream: string; expires_at: string };
}

export type Role = 'reader' | 'member' | 'moderator' | 'owner';

export type ServerEvent = ServerEvents[keyof ServerEvents];

export type Transport = 'auto' | 'stream' | 'websocket' | 'poll';

export interface State {
  name: 'connecting' | 'connected' | 'reconnecting' | 'refused' | 'closed';
  /** The one in use. */
  transport: Exclude<Transport, 'auto'> | undefined;
  /** The reason, where something is wrong and the server gave one. */
  detail: string;
}

/** The events that a client gives its listeners: each event of the server under its type, and some of its own. */
export interface ClientEvents extends ServerEvents {
  /** Every event of the server once more. */
  event: ServerEvent;
  state: State;
  /** A post had no answer, and will be asked again. */
  retry: { clientId: string; error: Error };
}
