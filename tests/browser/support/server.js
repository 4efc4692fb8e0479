// A server of its own for each test: the real program on a free port, with a database in a temporary folder.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cleanup } from './cleanup.js';

const BINARY = process.env.PARLOR_BINARY;

export class Server {
  #process;
  #folder;
  #database = 'parlor.db';
  #port = 0;
  #args = [];
  /** The server's standard error, for a failed test. */
  log = '';

  /** `args` are more settings of it. */
  static async start(t, args = []) {
    const server = new Server();
    server.#args = args;
    server.#folder = await mkdtemp(join(tmpdir(), 'parlor-browser-'));
    cleanup(t, () => server.stop());
    await server.begin();
    return server;
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts it, from the second time on with the same port and, unless another is named, the same database. */
  async begin({ database = this.#database } = {}) {
    this.#database = database;
    const url = `sqlite://${join(this.#folder, database)}?mode=rwc`;
    const args = ['serve', '--listen', `127.0.0.1:${this.#port}`, '--database-url', url, ...this.#args];
    this.#process = spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.#folder });
    this.#process.stderr.on('data', (data) => {
      this.log += data;
    });
    const lines = createInterface({ input: this.#process.stdout });
    const exit = once(this.#process, 'exit').then(([code]) => {
      throw new Error(`the server ended with ${code}: ${this.log}`);
    });
    exit.catch(() => {});
    const [line] = await Promise.race([once(lines, 'line'), exit]);
    this.#port = Number(new URL(line.split(' ').at(-1)).port);
  }

  /** Ends it by a signal and waits until it is gone. */
  async kill(signal = 'SIGKILL') {
    const server = this.#process;
    this.#process = undefined;
    if (!server || server.exitCode !== null || server.signalCode) return;
    const gone = once(server, 'exit');
    server.kill(signal);
    await gone;
  }

  /** Runs a command of the program on the database, with a text as its input; resolves to what it prints. */
  async command(args, input = '') {
    const url = `sqlite://${join(this.#folder, this.#database)}?mode=rwc`;
    const running = spawn(BINARY, [...args, '--database-url', url], { cwd: this.#folder });
    const said = { stdout: '', stderr: '' };
    for (const name of Object.keys(said)) {
      running[name].on('data', (data) => {
        said[name] += data;
      });
    }
    running.stdin.end(input);
    const [code] = await once(running, 'close');
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${said.stderr}`);
    return said.stdout.trim();
  }

  async stop() {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #send(method, path, body) {
    const answer = await fetch(`${this.url}/api/v1/rooms/${path}`, {
      method,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${await answer.text()}`);
    return answer;
  }

  async post(username, content, room = 'general', fields = {}) {
    return (await this.#send('POST', `${room}/messages`, { username, content, ...fields })).json();
  }

  /** Posts an answer to a message. */
  answer(username, id, content) {
    return this.post(username, content, 'general', { reply_to: id });
  }

  async edit(username, id, content) {
    await this.#send('PATCH', `general/messages/${id}`, { username, content });
  }

  async remove(username, id) {
    await this.#send('DELETE', `general/messages/${id}?${new URLSearchParams({ username })}`);
  }

  async react(username, id, emoji, on = true) {
    const path = `general/messages/${id}/reactions/${encodeURIComponent(emoji)}?${new URLSearchParams({ username })}`;
    await this.#send(on ? 'PUT' : 'DELETE', path);
  }

  async read(username, id) {
    await this.#send('PUT', 'general/read', { username, last_read_id: id });
  }

  async get(path) {
    return (await this.#send('GET', path)).json();
  }

  async fill(count) {
    for (let number = 1; number <= count; number += 1) await this.post(number % 3 ? 'Ann' : 'Ben', `message ${number}`);
  }

  /** As many as the server takes at once, in whatever order. */
  async flood(count) {
    for (let left = count; left > 0; left -= 50) {
      await Promise.all(Array.from({ length: Math.min(left, 50) }, () => this.post('Ben', 'flood')));
    }
  }

  async put(room, fields) {
    await this.#send('PUT', room, fields);
  }

  async typing(username) {
    await this.#send('POST', 'general/typing', { username, is_typing: true });
  }
}
