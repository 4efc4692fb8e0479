// nginx in front of the server, set up as docs/operating.md says.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cleanup } from './cleanup.js';

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

export async function nginx(t, server) {
  const [folder, port] = [await mkdtemp(join(tmpdir(), 'parlor-nginx-')), await freePort()];
  const text = await readFile(new URL('../../../docs/operating.md', import.meta.url), 'utf8');
  const [, site] = text.match(/```nginx\n([^]*?)```/);
  // TLS is nginx's own affair, and needs a certificate that a machine of tests has not.
  const plain = site.replace('listen 443 ssl;', `listen 127.0.0.1:${port};`).replace(/^.*ssl_certificate.*$/gm, '')
    .replace('127.0.0.1:3000', new URL(server.url).host);
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${kind};`).join('\n');
  await writeFile(join(folder, 'nginx.conf'),
    `daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr notice;\nevents {}\nhttp {\naccess_log off;\n${paths}\n${plain}\n}\n`);
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const running = spawn('nginx', ['-e', 'stderr', '-c', 'nginx.conf', '-p', folder], { stdio: ['ignore', 'ignore', 'pipe'], env });
  cleanup(t, async () => {
    if (running.exitCode === null) {
      running.kill('SIGKILL');
      await once(running, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  });
  const said = [];
  for await (const line of createInterface({ input: running.stderr })) {
    said.push(line);
    if (line.includes('OS: ')) return { url: `http://127.0.0.1:${port}` };
  }
  throw new Error(`nginx ended: ${said.join('\n')}`);
}
