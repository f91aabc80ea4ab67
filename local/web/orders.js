// Gifts of ours on their way: each keeps its id until the ledger has answered, however often the connection breaks. An id
// is one order for ever, so asking again never charges twice.

import { newID } from './format.js';

const most = 20;
const askAgainMs = 8_000;
const giveUpMs = 100_000;
const retryMs = 1_000; // where the server does not say when

/** Refusals that are the server's trouble, not ours: the same gift is asked for again. */
const passing = new Set(['unavailable', 'not_persisted', 'rate_limited']);

export class Orders {
  #waiting = new Map(); // id → {message, cost, at, asked}

  /** send(message) returns whether it went out; onEnd(order, result) gets each order once, with {status, code?, balance?}. */
  constructor({ send, onEnd, now = Date.now }) { Object.assign(this, { send, onEnd, now }); }

  get full() { return this.#waiting.size >= most; }
  get idle() { return this.#waiting.size === 0; }

  /** What the orders on their way will cost. */
  get cost() { return [...this.#waiting.values()].reduce((sum, order) => sum + order.cost, 0); }

  give(gift, count) {
    const message = { type: 'gift', id: newID(), data: { gift_id: gift.id, count } };
    const order = { message, gift, count, cost: gift.price * count, at: this.now(), asked: this.now() };
    this.#waiting.set(message.id, order);
    this.send(message);
  }

  /** On a new connection, whose server may not have heard of them. */
  resend() { for (const order of this.#waiting.values()) this.#ask(order); }

  /** A gift_result; returns whether it ended an order of ours. */
  result({ id, data = {} }) {
    if (data.status === 'pending') return false;
    return this.#end(id, data);
  }

  /** An error message; returns whether it was about an order of ours. */
  failed({ id, data = {} }) {
    const order = this.#waiting.get(id);
    if (!order) return false;
    if (passing.has(data.code)) setTimeout(() => { if (this.#waiting.has(id)) this.#ask(order); }, data.retry_after_ms || retryMs);
    else this.#end(id, { status: 'refused', code: data.code, message: data.message });
    return true;
  }

  /** To be called now and then: asks again for what got no answer, and gives up in the end. */
  look() {
    for (const [id, order] of [...this.#waiting]) {
      if (this.now() - order.at > giveUpMs) this.#end(id, { status: 'unknown' });
      else if (this.now() - order.asked > askAgainMs) this.#ask(order);
    }
  }

  clear() { this.#waiting.clear(); }

  #ask(order) {
    order.asked = this.now();
    this.send(order.message);
  }

  #end(id, result) {
    const order = this.#waiting.get(id);
    if (!order) return false;
    this.#waiting.delete(id);
    this.onEnd(order, result);
    return true;
  }
}
