// npm's `eventsource`, which does what a browser's does: history, live, and back by itself.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { EventSource } from 'eventsource'
import { DEADLINE, Server } from './server.mjs'

// What a source has got, one after the other.
function inbox(source, kinds) {
  const events = []
  let wake = () => {}
  for (const kind of kinds) {
    source.addEventListener(kind, (event) => {
      events.push({ kind, id: event.lastEventId, data: JSON.parse(event.data) })
      wake()
    })
  }
  return async function next() {
    const deadline = AbortSignal.timeout(DEADLINE)
    while (events.length === 0) {
      await new Promise((resolve, reject) => {
        wake = resolve
        deadline.onabort = () => reject(new Error('no event came'))
      })
    }
    return events.shift()
  }
}

test('post, history, live, and back by itself after the server was killed', async () => {
  const server = await Server.start()
  const source = new EventSource(`${server.url}/api/v1/rooms/general/stream`)
  try {
    const next = inbox(source, ['message_history', 'chat_message', 'reset'])
    const history = await next()
    assert.equal(history.kind, 'message_history')
    assert.deepEqual(history.data.messages, [])
    const one = await server.post('one')
    const live = await next()
    assert.deepEqual([live.data.message.content, live.id], ['one', `${one}`])

    const lost = once(source, 'error')
    await server.kill()
    await lost
    await server.start()
    // Before it is back, and after.
    await server.post('two')
    await server.post('three')
    assert.deepEqual([(await next()).data.message.content, (await next()).data.message.content], ['two', 'three'])
    const four = await server.post('four')
    const last = await next()
    assert.deepEqual([last.data.message.content, last.id], ['four', `${four}`])
  } finally {
    source.close()
    await server.stop()
  }
})

test('one onmessage gets everything when events have no names', async () => {
  const server = await Server.start()
  const source = new EventSource(`${server.url}/api/v1/rooms/general/stream?named=false`)
  try {
    const next = inbox(source, ['message'])
    assert.equal((await next()).data.type, 'message_history')
    assert.equal((await next()).data.type, 'presence_state')
    assert.equal((await next()).data.type, 'read_state')
    await server.post('one')
    assert.equal((await next()).data.type, 'chat_message')
  } finally {
    source.close()
    await server.stop()
  }
})
