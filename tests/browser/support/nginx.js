// nginx in front of the server, set up as docs/operating.md says.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { cleanup } from './cleanup.js';

/** Keys and certificates are made by openssl, as an operator without a certificate would. */
const openssl = promisify(execFile).bind(undefined, 'openssl');

/** A port that nobody listens on. */
export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Speaks plain HTTP; with a `name`, TLS by a certificate for it that nobody has signed. */
export async function nginx(t, server, { port, name } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'parlor-nginx-'));
  const at = port ?? await freePort();
  const text = await readFile(new URL('../../../docs/operating.md', import.meta.url), 'utf8');
  const [, site] = text.match(/```nginx\n([^]*?)```/);
  const settings = (name ? site.replace('443', `127.0.0.1:${at}`) : site.replace('listen 443 ssl;', `listen 127.0.0.1:${at};`))
    .replace(/^.*ssl_certificate.*$/gm, (line) => (name ? line.replace('/etc/ssl/chat.example.org', 'site') : ''))
    .replace('127.0.0.1:3000', new URL(server.url).host);
  if (name) {
    const certificate = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-days', '2',
      '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-keyout', 'site.key', '-out', 'site.pem'];
    await openssl(certificate, { cwd: folder });
  }
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${kind};`).join('\n');
  await writeFile(join(folder, 'nginx.conf'),
    `daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr notice;\nevents {}\nhttp {\naccess_log off;\n${paths}\n${settings}\n}\n`);
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
    if (line.includes('OS: ')) return { url: name ? `https://${name}:${at}` : `http://127.0.0.1:${at}` };
  }
  throw new Error(`nginx ended: ${said.join('\n')}`);
}
