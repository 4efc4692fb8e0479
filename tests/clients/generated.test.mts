// The types that openapi-typescript makes of the document, used by openapi-fetch: that this compiles is
// half of the test.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import createClient from 'openapi-fetch'
import type { components, paths } from './schema.js'
import { Server } from './server.mjs'

type Event = components['schemas']['Event']

// `type` tells the events apart, to the compiler too.
function contents(events: Event[]): string[] {
  return events.flatMap((event) => {
    switch (event.type) {
      case 'message_history':
        return event.messages.map((message) => message.content)
      case 'chat_message':
        return [event.message.content]
      default:
        return []
    }
  })
}

test('post, history, live and resume', async () => {
  const server = await Server.start()
  try {
    const client = createClient<paths>({ baseUrl: server.url })
    const path = { room: 'general' }
    const post = async (content: string): Promise<number> => {
      const body = { username: 'Alice', content }
      const { data, error } = await client.POST('/api/v1/rooms/{room}/messages', { params: { path }, body })
      assert.ok(data, error?.detail)
      return data.id
    }
    const poll = async (since?: number) => {
      const query = { since, wait: 10 }
      const { data, error } = await client.GET('/api/v1/rooms/{room}/poll', { params: { path, query } })
      assert.ok(data, error?.detail)
      return data
    }

    await post('one')
    const page = await client.GET('/api/v1/rooms/{room}/messages', { params: { path } })
    assert.deepEqual(page.data?.messages.map((message) => message.content), ['one'])
    const history = await poll()
    assert.deepEqual(contents(history.events), ['one'])

    const waiting = poll(history.next)
    await post('two')
    const live = await waiting
    assert.deepEqual(contents(live.events), ['two'])

    await post('three')
    await post('four')
    await server.kill()
    await server.start()
    const missed: string[] = []
    for (let cursor = live.next; missed.length < 2; ) {
      const answer = await poll(cursor)
      missed.push(...contents(answer.events))
      cursor = answer.next
    }
    assert.deepEqual(missed, ['three', 'four'])
  } finally {
    await server.stop()
  }
})

test('a refusal is a typed problem', async () => {
  const server = await Server.start()
  try {
    const client = createClient<paths>({ baseUrl: server.url })
    const { error, response } = await client.POST('/api/v1/rooms/{room}/messages', {
      params: { path: { room: 'general' } },
      body: { username: 'Alice', content: ' ' },
    })
    assert.equal(response.status, 422)
    assert.equal(error?.errors?.[0]?.field, 'content')
    assert.equal(error?.request_id, response.headers.get('x-request-id'))
  } finally {
    await server.stop()
  }
})
