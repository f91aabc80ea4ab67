// Our own messages on their way: each waits for its ack, is sent again after a reconnect under the same id, and is
// given up before the server forgets the id, so that nothing is ever shown twice.

const resendWithinMs = 100_000; // the server remembers ids for 120 s
const most = 20;

export class Outbox {
  #waiting = new Map(); // id → {message, at}

  constructor(now = Date.now) { this.now = now; }

  get size() { return this.#waiting.size; }
  get full() { return this.#waiting.size >= most; }

  waits(id) { return this.#waiting.has(id); }

  add(message) { this.#waiting.set(message.id, { message, at: this.now() }); }

  /** Takes the message with that id out; undefined when it is not ours or was answered before. */
  settle(id) {
    const entry = this.#waiting.get(id);
    this.#waiting.delete(id);
    return entry?.message;
  }

  /** What to send again on a new connection. */
  pending() {
    return [...this.#waiting.values()].filter((entry) => this.now() - entry.at < resendWithinMs).map((entry) => entry.message);
  }

  /** Takes out and returns what is too old to be sent again. */
  expire() {
    const old = [...this.#waiting.values()].filter((entry) => this.now() - entry.at >= resendWithinMs);
    for (const entry of old) this.#waiting.delete(entry.message.id);
    return old.map((entry) => entry.message);
  }
}
