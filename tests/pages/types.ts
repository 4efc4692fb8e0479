// static/parlor.d.ts says what the client is, and nothing that it is not; and a user's program has the types it expects.
import * as real from '../../static/client/parlor.js';
import * as declared from '../../static/parlor.js';

/** Fails to compile unless both types are the same. */
type Same<One, Other> = [One] extends [Other] ? ([Other] extends [One] ? true : never) : never;
const isTrue = <Fact extends true>(_: Fact) => undefined;

// What is meant for subclasses and the client's own parts is not declared.
type Own = 'ask' | 'pause' | 'tell';

isTrue<Same<keyof typeof real, keyof typeof declared>>(true);
isTrue<Same<Exclude<keyof real.Client, Own>, keyof declared.Client>>(true);
isTrue<Same<Exclude<keyof real.Room, Own>, keyof declared.Room>>(true);
isTrue<Same<keyof real.Refused, keyof declared.Refused>>(true);

type Members<Class> = Pick<Class, keyof Class>;
isTrue<Same<Omit<Members<real.Room>, Own | 'addEventListener' | 'removeEventListener'>, Omit<Members<declared.Room>, 'addEventListener' | 'removeEventListener'>>>(true);
isTrue<Same<Members<real.Refused>, Members<declared.Refused>>>(true);
isTrue<Same<ConstructorParameters<typeof real.Client>, ConstructorParameters<typeof declared.Client>>>(true);
isTrue<Same<Parameters<typeof real.connect>, Parameters<typeof declared.connect>>>(true);
isTrue<Same<ReturnType<typeof real.newClientId>, ReturnType<typeof declared.newClientId>>>(true);

/** The lines of docs/client.md, with types. */
export async function example() {
  const room = declared.connect('general', { username: 'Alice' });
  const show = ({ username, content }: declared.Message) => `${username}: ${content}`;
  room.addEventListener('message_history', ({ detail }) => detail.messages.forEach(show));
  room.addEventListener('chat_message', ({ detail }) => show(detail.message));
  room.addEventListener('state', ({ detail }) => detail.name === 'connected');
  // @ts-expect-error: there is no such event
  room.addEventListener('chat_messages', () => undefined);
  // @ts-expect-error: there is no such transport
  room.setTransport('pigeon');
  const { id } = await room.post('Hello, everybody');
  return id.toFixed();
}
