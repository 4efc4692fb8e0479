// The page at /: follows the room named by ?room= (general unless told) and posts to it.
const room = new URLSearchParams(location.search).get('room') ?? 'general';
const base = `/api/v1/rooms/${encodeURIComponent(room)}`;
const [log, status, typing, form, username, content] =
  ['log', 'status', 'typing', 'form', 'username', 'content'].map((id) => document.getElementById(id));
const typists = new Set();

document.title = `${room} · Parlor`;
username.value = localStorage.getItem('username') ?? '';

function show(message) {
  const item = document.createElement('li');
  const when = document.createElement('time');
  when.dateTime = message.timestamp;
  when.textContent = new Date(message.timestamp).toLocaleTimeString();
  const who = document.createElement('b');
  who.textContent = message.username;
  item.append(when, who, message.content);
  log.append(item);
  item.scrollIntoView({ block: 'end' });
}

function showTyping() {
  typing.textContent = typists.size ? `${[...typists].join(', ')} ${typists.size > 1 ? 'are' : 'is'} typing…` : '';
}

// The browser reconnects by itself and sends the last id it saw, so nothing is missed.
const events = new EventSource(`${base}/stream`);
const on = (type, act) => events.addEventListener(type, (event) => act(JSON.parse(event.data)));
events.onopen = () => { status.textContent = `connected to ${room}`; };
events.onerror = () => { status.textContent = events.readyState === EventSource.CLOSED ? 'disconnected' : 'reconnecting'; };
on('message_history', (event) => { log.replaceChildren(); event.messages.forEach(show); });
on('chat_message', (event) => show(event.message));
on('presence_state', (event) => { typists.clear(); event.typing.forEach((name) => typists.add(name)); showTyping(); });
on('typing_indicator', (event) => { typists[event.is_typing ? 'add' : 'delete'](event.username); showTyping(); });
on('service_status', (event) => { status.textContent = event.status === 'ok' ? `connected to ${room}` : 'reading only: posts are refused for now'; });

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  localStorage.setItem('username', username.value);
  const button = form.querySelector('button');
  button.disabled = true;
  try {
    const answer = await fetch(`${base}/messages`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username: username.value, content: content.value }),
    });
    if (answer.ok) content.value = '';
    else status.textContent = (await answer.json()).detail;
  } catch {
    status.textContent = 'not sent: the server can’t be reached';
  } finally {
    button.disabled = false;
    content.focus();
  }
});
