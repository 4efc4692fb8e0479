// A proxy in front of the server that can hold streams back, as some do who wait for the end of an answer.
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { cleanup } from './cleanup.js';

export class Proxy {
  #server;
  #open = new Set();
  #sockets = new Set();
  /** Streams are swallowed while this is true. */
  holdsStreams = false;
  /** The paths asked for, without queries. */
  asked = [];
  /** The queries of the streams asked for. */
  queries = [];

  #name = '127.0.0.1';

  /** `name` is what browsers know it by; the server is asked by its own. */
  static async start(t, target, { name = '127.0.0.1' } = {}) {
    const proxy = new Proxy();
    proxy.#name = name;
    proxy.#server = http.createServer((request, response) => proxy.#pass(new URL(target), request, response));
    proxy.#server.on('upgrade', (request, socket) => proxy.#tunnel(new URL(target), request, socket));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    cleanup(t, () => {
      proxy.#server.close();
      proxy.#server.closeAllConnections();
      for (const socket of proxy.#sockets) socket.destroy();
    });
    return proxy;
  }

  get url() {
    return `http://${this.#name}:${this.#server.address().port}`;
  }

  /** The number of open streams. */
  get streams() {
    return this.#open.size;
  }

  /** Swallows from here on what the open streams and WebSockets bring, without ending them. */
  mute() {
    for (const line of [...this.#open, ...this.#sockets]) line.isMuted = true;
  }

  /** Ends the open streams, as a network does that goes away. */
  cut() {
    for (const response of this.#open) response.destroy();
  }

  #pass(target, request, response) {
    const path = request.url.split('?')[0];
    this.asked.push(path);
    const isStream = path.endsWith('/stream');
    if (isStream) this.queries.push(new URL(request.url, target).searchParams);
    const { method, url } = request;
    const headers = this.#known(request.headers, target);
    const onward = http.request({ host: target.hostname, port: target.port, method, path: url, headers }, (answer) => {
      if (isStream && this.holdsStreams) return answer.resume();
      const { connection: _, ...rest } = answer.headers;
      response.writeHead(answer.statusCode, rest);
      response.flushHeaders();
      answer.on('data', (data) => response.isMuted || response.write(data));
      // A line that breaks off in the middle of a chunked answer has an error and no end.
      answer.on('error', () => response.destroy());
      return answer.on('end', () => response.end());
    });
    if (isStream) this.#open.add(response);
    response.on('close', () => {
      this.#open.delete(response);
      onward.destroy();
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  }

  /** Headers as a proxy passes them on that has another name than the server. */
  #known(headers, target) {
    if (new URL(this.url).hostname === target.hostname) return headers;
    const { host, origin, ...rest } = headers;
    return { ...rest, ...(host && { host: target.host }), ...(origin && { origin: target.origin }) };
  }

  /** A WebSocket, byte by byte. */
  #tunnel(target, { url, headers: given }, socket) {
    this.asked.push(url.split('?')[0]);
    this.#sockets.add(socket);
    const onward = net.connect(target.port, target.hostname);
    const headers = Object.entries(this.#known(given, target)).map(([name, value]) => `${name}: ${value}\r\n`);
    onward.write(`GET ${url} HTTP/1.1\r\n${headers.join('')}\r\n`);
    onward.on('data', (data) => socket.isMuted || socket.write(data));
    socket.pipe(onward);
    socket.on('error', () => {});
    onward.on('error', () => {});
    onward.on('close', () => socket.destroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      onward.destroy();
    });
  }
}
