// The page of one room: finds out which room and as whom, and puts the parts together.
import { Actions } from './actions.js';
import { Attention } from './attention.js';
import { Composer } from './composer.js';
import { byId } from '../shared/dom.js';
import { Known } from './known.js';
import { Messages } from './messages.js';
import { rememberedName, rememberName, wrongWithName } from '../shared/names.js';
import { Outbox } from './outbox.js';
import { People } from './people.js';
import { Places } from './places.js';
import { Reading } from './reading.js';
import { Search } from './search.js';
import { load, save } from '../shared/store.js';
import { connectShared } from './shared-room.js';

const TRANSPORT = 'parlor:transport';
const TRANSPORTS = { stream: 'an event stream', websocket: 'a WebSocket', poll: 'long polls' };
const WORDS = {
  connecting: 'Connecting…', connected: 'Connected', reconnecting: 'Reconnecting…', refused: 'Refused', closed: 'Closed',
};

/** `/client1/` and `/client2/` are two ready users of the default room. */
const ready = location.pathname.match(/^\/client([12])\/$/);
const room = ready ? 'general' : decoded(location.pathname.split('/')[2] ?? '');

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function askName(problem = '') {
  const [dialog, field, error] = ['ask-name', 'name', 'name-error'].map(byId);
  field.value = rememberedName();
  error.textContent = problem;
  dialog.showModal();
  return new Promise((resolve) => {
    byId('name-form').onsubmit = (event) => {
      event.preventDefault();
      const wrong = wrongWithName(field.value);
      error.textContent = wrong;
      field.setAttribute('aria-invalid', Boolean(wrong));
      if (wrong) return field.focus();
      rememberName(field.value.trim());
      dialog.close();
      resolve(field.value.trim());
    };
    // Without a name there is nothing behind the question; with one it may stay as it is.
    dialog.oncancel = (event) => (rememberedName() && !problem ? resolve(rememberedName()) : event.preventDefault());
  });
}

function showState(client, { name, detail, transport }) {
  const status = byId('status');
  status.dataset.state = name;
  status.textContent = WORDS[name];
  byId('transport-now').textContent = TRANSPORTS[transport] ? `Now by ${TRANSPORTS[transport]}.` : '';
  byId('transport').value = client.transport === 'stream' ? 'auto' : client.transport;
  if (detail) showBanner('line', detail);
  else if (name === 'connected') showBanner();
}

/** One line above the messages; `kind` says what it is about, nothing clears it. */
function showBanner(kind, words = '') {
  const banner = byId('banner');
  banner.hidden = !words;
  banner.textContent = words;
  banner.dataset.kind = kind ?? '';
}

function followService(client) {
  client.addEventListener('service_status', ({ detail }) => {
    const isOut = detail.status === 'degraded';
    if (isOut) showBanner('service', 'The server can’t store messages at the moment. What you send is kept here and sent later.');
    else if (byId('banner').dataset.kind === 'service') showBanner();
  });
  client.addEventListener('server_shutdown', () => showBanner('shutdown', 'The server is restarting. You can go on writing.'));
  client.addEventListener('reset', () => showBanner('reset', 'The room has changed on the server and was loaded again.'));
}

function followRoom(client, attention) {
  const show = ({ title, topic }) => {
    byId('title').textContent = title || `#${room}`;
    byId('topic').textContent = topic ?? '';
    attention.title = title || room;
  };
  show(load('sessionStorage', `parlor:room:${room}`) ?? {});
  let [isKnown, isMade, updated] = [false, true, 0];
  const learn = async () => {
    if (isKnown) return;
    isKnown = true;
    try {
      const answer = await client.ask(client.path);
      // What an event has said since is newer.
      if (answer.head >= updated) show(answer);
    } catch (error) {
      isKnown = false;
      isMade = error.status !== 404;
    }
  };
  learn();
  // A room nobody has made is not there to be asked about again until something happens in it.
  client.addEventListener('message_history', () => (isMade || client.cursor) && learn());
  client.addEventListener('chat_message', learn);
  client.addEventListener('reset', () => {
    [isKnown, updated] = [false, 0];
  });
  client.addEventListener('room_updated', ({ detail }) => {
    updated = detail.id;
    show(detail);
  });
}

function settings(client, me) {
  byId('me').textContent = me;
  byId('rename').hidden = Boolean(ready);
  byId('rename').addEventListener('click', async () => {
    byId('settings').hidePopover();
    if ((await askName()) !== me) location.reload();
  });
  byId('transport').addEventListener('change', ({ target }) => {
    save('localStorage', TRANSPORT, target.value);
    client.setTransport(target.value);
  });
}

async function start() {
  byId('title').textContent = `#${room}`;
  if (!/^[A-Za-z0-9_-]{1,100}$/.test(room)) {
    showBanner('line', 'There can be no room of this name.');
    // Nothing of a room is here but the way back.
    document.body.classList.add('nowhere');
    return;
  }
  document.title = `${room} · Parlor`;
  const remembered = rememberedName();
  const me = ready ? `Client${ready[1]}` : (!wrongWithName(remembered) && remembered) || (await askName());
  const client = connectShared(room, { username: me, transport: load('localStorage', TRANSPORT) ?? 'auto' });
  const known = new Known(client);
  const messages = new Messages(client, known);
  const onSend = (text, answered) => {
    outbox.add(text, answered);
    messages.toEnd();
  };
  const composer = new Composer(client, known, { onSend, lastOwn: () => actions.lastOwn });
  const onEdit = (text, answered) => composer.retry(text, answered);
  const outbox = new Outbox(client, known, { onEdit, onLeft: () => composer.focus(), onShown: () => messages.settle() });
  const actions = new Actions(client, known, messages, composer);
  const places = new Places(client, messages);
  new Reading(client, messages, places.opened);
  new Search(client);
  new People(client, me);
  followRoom(client, new Attention(client));
  settings(client, me);
  client.addEventListener('state', ({ detail }) => showState(client, detail));
  followService(client);
  showState(client, client.state);
  addEventListener('pagehide', () => client.close());
  // A page taken back from the browser's memory has been closed.
  addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
}

start();
