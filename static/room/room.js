// The page of one room: finds out which room and as whom, and puts the parts together.
/** @import { Room } from '../client/room.js' */
/** @import { SharedRoom } from './shared-room.js' */
import { byId } from '../shared/dom.js';
import { whoAmI } from '../shared/me.js';
import { rememberedName, rememberName, wrongWithName } from '../shared/names.js';
import { load, save } from '../shared/store.js';
import { Actions } from './actions.js';
import { Attention } from './attention.js';
import { Banner } from './banner.js';
import { Composer } from './composer.js';
import { Crowd, MOST_LINES } from './crowd.js';
import { Description } from './description.js';
import { Known } from './known.js';
import { Messages } from './messages.js';
import { noticeReached } from './notice.js';
import { Outbox } from './outbox.js';
import { People } from './people.js';
import { Places } from './places.js';
import { Reading } from './reading.js';
import { Search } from './search.js';
import { Settings } from './settings.js';
import { canShare, connectShared } from './shared-room.js';
import { Standing } from './standing.js';

/** @typedef {Room | SharedRoom} Connection */

const TRANSPORT = 'parlor:transport';
const TRANSPORTS = { stream: 'an event stream', websocket: 'a WebSocket', poll: 'long polls' };
const WORDS = {
  connecting: 'Connecting…', connected: 'Connected', reconnecting: 'Reconnecting…', refused: 'Refused', closed: 'Closed',
};

/** `/client1/` and `/client2/` are two ready users of the default room. */
const ready = location.pathname.match(/^\/client([12])\/$/);
const room = ready ? 'general' : decoded(location.pathname.split('/')[2] ?? '');

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @returns {Promise<string>} */
function askName() {
  const [dialog, field, error] = [byId('ask-name', HTMLDialogElement), byId('name', HTMLInputElement), byId('name-error')];
  field.value = rememberedName();
  error.textContent = '';
  dialog.showModal();
  return new Promise((resolve) => {
    byId('name-form').onsubmit = (event) => {
      event.preventDefault();
      const wrong = wrongWithName(field.value);
      error.textContent = wrong;
      field.setAttribute('aria-invalid', String(Boolean(wrong)));
      if (wrong) {
        field.focus();
        return;
      }
      rememberName(field.value.trim());
      dialog.close();
      resolve(field.value.trim());
    };
    // Without a name there is nothing behind the question; with one it may stay as it is.
    dialog.oncancel = (event) => (rememberedName() ? resolve(rememberedName()) : event.preventDefault());
  });
}

/**
 * @param {Connection} client
 * @param {Banner} banner
 */
function showState(client, banner) {
  const { name, detail, transport } = client.state;
  const status = byId('status');
  status.dataset.state = name;
  status.textContent = WORDS[name];
  byId('transport-now').textContent = transport ? `Now by ${TRANSPORTS[transport]}.` : '';
  byId('transport', HTMLSelectElement).value = client.transport === 'stream' ? 'auto' : client.transport;
  if (detail) banner.show('line', detail);
  else if (name === 'connected') banner.clear('line', 'service', 'shutdown', 'reset');
}

/**
 * @param {Connection} client
 * @param {Banner} banner
 */
function followService(client, banner) {
  client.addEventListener('service_status', ({ detail }) => {
    if (detail.status === 'ok') banner.clear('service');
    else banner.show('service', 'The server can’t store messages at the moment. What you send is kept here and sent later.');
  });
  client.addEventListener('server_shutdown', () => banner.show('shutdown', 'The server is restarting. You can go on writing.'));
  client.addEventListener('reset', () => banner.show('reset', 'The room has changed on the server and was loaded again.'));
}

/**
 * Says that there are too many tabs, where each has a line of its own.
 * @param {Connection} client
 * @param {Banner} banner
 */
function countTabs(client, banner) {
  if (canShare() || !globalThis.BroadcastChannel) return;
  const crowd = new Crowd((count) => {
    if (count < MOST_LINES) banner.clear('tabs');
    else banner.show('tabs', `${count} tabs of this browser are connected, and more than ${MOST_LINES} leave it no connection to send by. Close some, or choose WebSocket in the settings of each.`);
  });
  const look = () => crowd.set(client.transport !== 'websocket');
  client.addEventListener('state', look);
  document.addEventListener('visibilitychange', () => document.hidden || crowd.ask());
  addEventListener('pagehide', () => crowd.close());
  look();
}

/**
 * @param {Description} description
 * @param {Attention} attention
 */
function showDescription(description, attention) {
  const show = () => {
    const { title, topic } = description.room;
    byId('title').textContent = title || `#${room}`;
    byId('topic').textContent = topic ?? '';
    attention.title = title || room;
  };
  description.addEventListener('change', show);
  show();
}

/**
 * @param {Connection} client
 * @param {string | undefined} me
 */
function settings(client, me) {
  byId('me').textContent = me ?? 'nobody in particular';
  byId('rename').hidden = Boolean(ready);
  byId('rename').addEventListener('click', async () => {
    byId('settings').hidePopover();
    if ((await askName()) !== me) location.reload();
  });
  const transport = byId('transport', HTMLSelectElement);
  transport.addEventListener('change', () => {
    save('localStorage', TRANSPORT, transport.value);
    client.setTransport(/** @type {import('../client/events.js').Transport} */ (transport.value));
  });
}

/** The name to go in under, on a server where names are only claimed. */
async function claimedName() {
  const remembered = rememberedName();
  return ready ? `Client${ready[1]}` : (!wrongWithName(remembered) && remembered) || (await askName());
}

/** Nothing can be had of the server yet. */
function showAway() {
  byId('status').dataset.state = 'reconnecting';
  byId('status').textContent = WORDS.reconnecting;
}

async function start() {
  byId('title').textContent = `#${room}`;
  if (!/^[A-Za-z0-9_-]{1,100}$/.test(room)) {
    new Banner().show('line', 'There can be no room of this name.');
    // Nothing of a room is here but the way back.
    document.body.classList.add('nowhere');
    return;
  }
  document.title = `${room} · Parlor`;
  const me = await whoAmI(showAway);
  const required = me.auth === 'required' ? await import('./required.js') : undefined;
  const first = await required?.arrive(room, me, showAway);
  // Then the page is on its way elsewhere.
  if (required && !first) return;
  const username = required ? me.username ?? undefined : await claimedName();
  const client = connectShared(room, { username, transport: load('localStorage', TRANSPORT) ?? 'auto' });
  const description = new Description(client, first);
  const standing = new Standing(me, room, () => description.room);
  const banner = new Banner();
  const server = new Settings();
  server.load();
  const known = new Known(client);
  const messages = new Messages(client, known);
  /** @type {Composer} */
  const composer = new Composer(client, known, {
    onSend: (text, answered) => {
      outbox.add(text, answered);
      messages.toEnd();
    },
    onEmptied: (id) => actions.offerToDelete(id),
    lastOwn: () => actions.lastOwn,
  });
  const outbox = new Outbox(client, known, {
    onEdit: (text, answered) => composer.retry(text, answered),
    onLeft: () => composer.focus(),
    onShown: () => messages.settle(),
  });
  /** @type {Actions} */
  const actions = new Actions(client, known, messages, composer, { settings: server, standing, onPerson: (name) => dialogs?.moderate(name) });
  const places = new Places(client, messages);
  if (standing.may('see')) new Reading(client, messages, places.opened);
  new Search(client);
  new People(client, username ?? '');
  const attention = new Attention(client);
  showDescription(description, attention);
  settings(client, username);
  const dialogs = required?.follow({ client, me, standing, description, messages, attention });
  client.addEventListener('state', ({ detail }) => {
    showState(client, banner);
    if (detail.name === 'connected') noticeReached();
  });
  followService(client, banner);
  countTabs(client, banner);
  showState(client, banner);
  addEventListener('pagehide', () => client.close());
  // A page taken back from the browser's memory has been closed.
  addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
}

start();
