// A server of the test's own: a free port, a folder of its own, stopped by its handle.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

// How long anything may take before the test fails.
export const DEADLINE = 20_000

// A free port that no outgoing connection is given: who comes back to a server that is down must not
// meet itself.
async function freePort() {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const probe = createServer()
    const free = await new Promise((resolve) => {
      probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!free) continue
    await new Promise((resolve) => probe.close(resolve))
    return port
  }
}

export class Server {
  // With more flags, if there are.
  static async start(flags = []) {
    const server = new Server()
    server.flags = flags
    server.folder = await mkdtemp(join(tmpdir(), 'parlor-clients-'))
    await server.start()
    return server
  }

  // Starts it; the second time at the same address, over the same database.
  async start() {
    const port = this.port ?? (await freePort())
    const database = `sqlite://${this.folder}/parlor.db?mode=rwc`
    const flags = ['serve', '--listen', `127.0.0.1:${port}`, '--database-url', database, ...this.flags]
    this.process = spawn(process.env.PARLOR, flags, { stdio: ['ignore', 'pipe', 'ignore'] })
    const [line] = await once(createInterface(this.process.stdout), 'line', { signal: AbortSignal.timeout(DEADLINE) })
    assert.match(line, /^listening on /)
    this.port = port
    this.url = line.slice('listening on '.length)
  }

  async kill() {
    this.process.kill('SIGKILL')
    if (this.process.exitCode === null && this.process.signalCode === null) await once(this.process, 'exit')
  }

  async stop() {
    await this.kill()
    await rm(this.folder, { recursive: true })
  }

  // Posts a message, and gives back its id.
  async post(content, room = 'general') {
    const body = new URLSearchParams({ username: 'Alice', content })
    const answer = await fetch(`${this.url}/api/v1/rooms/${room}/messages`, { method: 'POST', body })
    assert.equal(answer.status, 201)
    return (await answer.json()).id
  }
}
