// Posts a message and follows the room from there, through every break of the line:
// node follow.mjs [http://127.0.0.1:3000] [general]
// A page needs none of this: `new EventSource(room + '/stream')` comes back by itself.
import { setTimeout as pause } from 'node:timers/promises'

const [server = 'http://127.0.0.1:3000', name = 'general'] = process.argv.slice(2)
const room = `${server}/api/v1/rooms/${name}`
const body = new URLSearchParams({ username: 'node', content: 'Hello from node' })
let { id: cursor } = await (await fetch(`${room}/messages`, { method: 'POST', body })).json()
console.log(`posted ${cursor}`)
for (;;) {
  try {
    const stream = await fetch(`${room}/stream`, { headers: { 'Last-Event-ID': `${cursor}` } })
    let rest = ''
    for await (const part of stream.body.pipeThrough(new TextDecoderStream())) {
      const events = (rest + part).split('\n\n')
      rest = events.pop()
      for (const data of events.flatMap((event) => event.match(/^data: .*$/m) ?? [])) {
        const { type, id, message } = JSON.parse(data.slice('data: '.length))
        if (type === 'chat_message') console.log(`${message.username}: ${message.content}`)
        cursor = id ?? cursor
      }
    }
  } catch (error) {
    console.error(`${error.cause ?? error}: trying again`)
  }
  await pause(1000)
}
