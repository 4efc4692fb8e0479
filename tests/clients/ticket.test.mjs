// The page of docs/identity.md, as it stands there: it follows a room by tickets, with npm's `eventsource`.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { EventSource } from 'eventsource'
import { DEADLINE, Server } from './server.mjs'

const document = new URL('../../docs/identity.md', import.meta.url)

// Waits until something is so; each event of a source looks again.
class Watch {
  #looks = new Set()

  look() {
    for (const look of this.#looks) look()
  }

  until(what, isSo) {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`waited in vain: ${what}`)), DEADLINE)
      const look = () => {
        if (!isSo()) return
        clearTimeout(late)
        this.#looks.delete(look)
        resolve()
      }
      this.#looks.add(look)
      look()
    })
  }
}

test('a page follows a room by tickets, and after its line was cut by a new one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'parlor-keys-'))
  const key = join(folder, 'chat.pem')
  const parlor = (...words) => execFileSync(process.env.PARLOR, words, { encoding: 'utf8' }).trim()
  parlor('keygen', key)
  const server = await Server.start(['--auth', 'required', '--jwt-key', `${key}.pub`, '--jwt-audience', 'parlor'])
  const token = (lifetime = '1h') => parlor('token', '--sub', 'alice', '--audience', 'parlor', '--for', lifetime, '--key', key)
  const ask = async (method, path, body) => {
    const headers = { Authorization: `Bearer ${token()}`, 'Content-Type': 'application/json' }
    const answer = await fetch(`${server.url}/api/v1${path}`, { method, headers, body: JSON.stringify(body) })
    assert.ok(answer.ok, `${path}: ${answer.status}`)
  }
  const watch = new Watch()
  const [sources, shown, told] = [[], [], []]
  class Source extends EventSource {
    constructor(url) {
      super(url)
      sources.push(this)
      for (const kind of ['open', 'error', 'auth_expiring', 'message_history']) {
        this.addEventListener(kind, (event) => {
          told.push([kind, event.code])
          watch.look()
        })
      }
    }
  }
  const show = (message) => {
    shown.push(message.content)
    watch.look()
  }
  try {
    const [, block] = (await readFile(document, 'utf8')).split('```js\n')
    const page = block.split('```')[0].replace("'/api/v1'", JSON.stringify(`${server.url}/api/v1`))
    // The first token is over soon: the page is told at once, and brings another.
    let tokens = 0
    const ownToken = async () => token(tokens++ === 0 ? '8s' : '1h')
    const asked = []
    const ownFetch = async (url, options) => {
      const answer = await fetch(url, options)
      asked.push([url.split('/api/v1/')[1].split('/')[0], answer.status])
      watch.look()
      return answer
    }
    const scope = ['EventSource', 'fetch', 'token', 'show']
    const follow = new Function(...scope, `${page}; return follow`)(Source, ownFetch, ownToken, show)
    await follow('general')
    await watch.until('it is told that its token ends, and brings another', () => asked.length === 2)
    assert.deepEqual(asked, [['tickets', 201], ['streams', 200]])
    await ask('POST', '/rooms/general/messages', { content: 'one' })
    await watch.until('the first message', () => shown.length === 1)

    await server.kill()
    await server.start()
    await ask('POST', '/rooms/general/messages', { content: 'two' })
    await watch.until('the second message', () => shown.length === 2)
    assert.deepEqual(shown, ['one', 'two'])
    assert.equal(sources.length, 2, 'a new ticket, a new source')
    assert.equal(sources[0].readyState, EventSource.CLOSED)
    assert.deepEqual(told.filter(([, code]) => code).at(-1), ['error', 401], 'the first one asked again in vain')
    assert.equal(tokens, asked.length, 'one for each ticket, and one to go on by')
  } finally {
    for (const source of sources) source.close()
    await server.stop()
    await rm(folder, { recursive: true })
  }
})
