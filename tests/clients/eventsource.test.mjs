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

test('two rooms on one stream, and back by itself to what each missed', async () => {
  const server = await Server.start()
  await server.post('before', 'plans')
  const source = new EventSource(`${server.url}/api/v1/stream?rooms=general,plans`)
  try {
    const next = inbox(source, ['message_history', 'chat_message', 'reset'])
    // After the cursors stands a word for the list of rooms.
    const cursors = (id) => id.match(/^(\d+,\d+)~[0-9a-hjkmnp-tv-z]{4}$/)?.[1]
    const shown = ({ id, data }) => [data.room, data.messages?.length ?? data.message.content, cursors(id)]
    assert.deepEqual(shown(await next()), ['general', 0, '0,0'])
    assert.deepEqual(shown(await next()), ['plans', 1, '0,1'])
    await server.post('one')
    assert.deepEqual(shown(await next()), ['general', 'one', '1,1'])

    const lost = once(source, 'error')
    await server.kill()
    await lost
    await server.start()
    await server.post('two', 'plans')
    await server.post('three', 'plans')
    await server.post('four')
    const missed = [await next(), await next(), await next()].map(shown)
    // Those that are told on return come room by room, and the others as they are posted.
    const of = (room) => missed.filter(([name]) => name === room).map(([, content]) => content)
    assert.deepEqual([of('plans'), of('general')], [['two', 'three'], ['four']])
    assert.equal(missed.at(-1)[2], '2,3')
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
