// Posts a message and follows the room from there, through every break of the line:
// npm install eventsource && node follow.mjs [http://127.0.0.1:3000/api/v1/rooms/general]
// A page needs no package: browsers have an EventSource of their own.
import { EventSource } from 'eventsource'

const room = process.argv[2] ?? 'http://127.0.0.1:3000/api/v1/rooms/general'
const body = new URLSearchParams({ username: 'node', content: 'Hello from node' })
const { id: cursor } = await (await fetch(`${room}/messages`, { method: 'POST', body })).json()
console.log(`posted ${cursor}`)

// It comes back by itself, and says in `Last-Event-ID` what it has seen.
const events = new EventSource(`${room}/stream?since=${cursor}`)
events.addEventListener('chat_message', ({ data }) => {
  const { message } = JSON.parse(data)
  console.log(`${message.username}: ${message.content}`)
})
events.addEventListener('error', ({ message }) => console.error(`${message}: trying again`))
