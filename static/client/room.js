// A room followed by a line of its own.
/** @import { Transport } from './events.js' */
import { Client } from './client.js';
import { Line } from './line.js';

export class Room extends Client {
  #line;

  /**
   * @param {string} room
   * @param {{ username?: string, since?: number, history?: number, transport?: Transport, base?: string }} [options]
   */
  constructor(room, options = {}) {
    super(room, options);
    this.#line = new Line(this, {
      rooms: () => [[this.room, this.cursor]],
      event: (event) => this.receive(event),
      state: (state) => this.setState(state),
    }, options);
  }

  get transport() {
    return this.#line.transport;
  }

  /**
   * Goes on by another transport, from the cursor.
   * @param {Transport} transport
   */
  setTransport(transport) {
    this.#line.setTransport(transport);
  }

  close() {
    this.#line.close();
    super.close();
  }
}
