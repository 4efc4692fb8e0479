// Node's own `WebSocket`, which does what a browser's does: each way to close is a clean one.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Server } from './server.mjs'

// How a socket ended, once it was opened and closed as the test says.
async function ended(server, close) {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws/chat/`)
  const end = once(socket, 'close')
  await once(socket, 'message')
  await close(socket)
  const [{ code, wasClean }] = await end
  return { code, wasClean }
}

test('a close is answered with its code, and both ends are clean', async () => {
  const server = await Server.start()
  try {
    assert.deepEqual(await ended(server, (socket) => socket.close(1000)), { code: 1000, wasClean: true })
    assert.deepEqual(await ended(server, (socket) => socket.close(4321, 'why')), { code: 4321, wasClean: true })
    assert.deepEqual(await ended(server, (socket) => socket.close()), { code: 1005, wasClean: true })
    const large = 'x'.repeat(70_000)
    assert.equal((await ended(server, (socket) => socket.send(large))).code, 1009)
  } finally {
    await server.stop()
  }
})
