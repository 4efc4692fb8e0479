// The clients that orval and hey-api make of the document: that they compile is half of the test.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { client } from './hey/client.gen.js'
import * as hey from './hey/sdk.gen.js'
import * as orval from './orval.js'
import { Server } from './server.mjs'

// A name that a pattern would count otherwise: 98 characters, many more for JavaScript.
const FAMILIES = '👨‍👩‍👧‍👦'.repeat(14)

test('orval: post, page, edit, react and a typed refusal', async () => {
  const server = await Server.start()
  const plain = globalThis.fetch
  // Its paths have no host.
  globalThis.fetch = (path, options) => plain(new URL(String(path), server.url), options)
  try {
    const posted = await orval.postMessage('general', { username: FAMILIES, content: 'one' })
    assert.equal(posted.status, 201)
    const page = await orval.listMessages('general')
    assert.ok(page.status === 200)
    assert.deepEqual(page.data.messages.map((message) => message.username), [FAMILIES])
    const edited = await orval.editMessage('general', 1, { username: FAMILIES, content: 'two' })
    assert.equal(edited.status, 200)
    assert.equal((await orval.putRoom('general', { title: 'Plans' })).status, 200)
    assert.equal((await orval.addReaction('general', 1, '1️⃣', { username: 'Bob' })).status, 200)
    const refused = await orval.postMessage('general', { username: 'Bob', content: ' ' })
    assert.ok(refused.status === 422)
    assert.equal(refused.data.code, 'invalid')
  } finally {
    globalThis.fetch = plain
    await server.stop()
  }
})

test('hey-api: post, page, edit, react and a typed refusal', async () => {
  const server = await Server.start()
  try {
    client.setConfig({ baseUrl: server.url })
    const path = { room: 'general' }
    const posted = await hey.postMessage({ path, body: { username: FAMILIES, content: 'one' } })
    assert.equal(posted.data?.id, 1, posted.error?.detail)
    const page = await hey.listMessages({ path })
    assert.deepEqual(page.data?.messages.map((message) => message.username), [FAMILIES])
    const body = { username: FAMILIES, content: 'two' }
    assert.equal((await hey.editMessage({ path: { room: 'general', id: 1 }, body })).data?.content, 'two')
    assert.equal((await hey.putRoom({ path, body: { title: 'Plans' } })).data?.title, 'Plans')
    const reaction = { room: 'general', id: 1, emoji: '#️⃣' }
    const reacted = await hey.addReaction({ path: reaction, query: { username: 'Bob' } })
    assert.equal(reacted.data?.reactions[0]?.emoji, '#️⃣')
    const refused = await hey.postMessage({ path, body: { username: 'Bob', content: ' ' } })
    assert.equal(refused.error?.code, 'invalid')
  } finally {
    await server.stop()
  }
})
