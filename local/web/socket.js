// The socket of one room: connects, resumes after a cut from the last epoch and seq it has seen, and backs off.

import { afterClose } from './closing.js';
import { newID } from './format.js';

const protocol = 'barrage.v1';
const quietMs = 25_000; // no frame for so long: ask
const deadMs = 55_000; // no frame for so long: the connection is dead, whatever the browser thinks
const history = 60;

/**
 * Events: 'state' {state, text, waitMs}, with state idle | connecting | open | waiting | stopped, and ended when the room is;
 * 'message' {message}: everything the server sends, in order; 'hole' {from, to}: seqs that no gap has declared.
 */
export class RoomSocket extends EventTarget {
  #ws = null;
  #room = 0;
  #epoch = '';
  #seq = 0;
  #attempt = 0;
  #retry = 0;
  #pulse = 0;
  #lastFrame = 0;
  #moveAt = 0;
  #move = 0;
  #plan = null; // what the wait now under way is for
  #run = 0; // counts calls of open and close: what belongs to an earlier one is ignored

  /** prepare(room, renew) runs before each try and returns {url, token}; it may throw an Error with final = true. */
  constructor(prepare) {
    super();
    this.prepare = prepare;
    addEventListener('online', () => this.#hurry());
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.#hurry(); });
  }

  get position() { return this.#epoch ? `${this.#epoch}:${this.#seq}` : ''; }
  get isOpen() { return this.#ws?.readyState === WebSocket.OPEN; }

  open(room) {
    this.close();
    if (room !== this.#room) this.#epoch = '';
    this.#room = room;
    this.#attempt = 0;
    this.#connect(false);
  }

  close() {
    this.#run++;
    clearTimeout(this.#retry);
    this.#drop(1000);
    this.#tell('idle', '');
  }

  /** Returns false when there is no open connection to take it. */
  send(message) {
    if (!this.isOpen) return false;
    this.#ws.send(JSON.stringify(message));
    return true;
  }

  /** Shows the server a new token on the open connection. */
  present(token) { return this.send({ type: 'auth', id: newID(), data: { token } }); }

  async #connect(renew) {
    const run = ++this.#run;
    this.#tell('connecting', this.#attempt ? 'reconnecting' : 'connecting');
    let where;
    try {
      where = await this.prepare(this.#room, renew);
    } catch (err) {
      if (run !== this.#run) return;
      if (err.final) this.#tell('stopped', err.message, { ended: err.ended });
      else this.#wait(afterClose(0, this.#attempt++), err.message);
      return;
    }
    if (run !== this.#run) return;
    const query = new URLSearchParams({ room_id: this.#room, history });
    if (this.#epoch) query.set('resume', this.position);
    const ws = new WebSocket(`${where.url}?${query}`, where.token ? [protocol, `bearer.${where.token}`] : [protocol]);
    this.#ws = ws;
    ws.onmessage = (event) => this.#frame(event.data);
    ws.onerror = () => {}; // a close event follows and says more
    ws.onclose = (event) => { if (ws === this.#ws) this.#closed(event.code); };
  }

  #frame(text) {
    this.#lastFrame = Date.now();
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      console.warn('a frame that is not JSON was ignored');
      return;
    }
    if (message.type === 'welcome') this.#welcome(message.data ?? {});
    else if (message.type === 'reconnect') this.#planMove(message.data?.after_ms ?? 0);
    else if (message.type === 'gap') this.#skip(message.data ?? {});
    else if (message.seq && message.type !== 'ack') this.#advance(message.seq);
    this.dispatchEvent(new CustomEvent('message', { detail: message }));
  }

  #welcome(data) {
    this.#attempt = 0;
    // Recovered: what we missed follows, so our place stays. Else what follows is history up to the room's place now.
    if (!data.recovered) this.#seq = data.seq ?? 0;
    this.#epoch = data.epoch ?? '';
    clearInterval(this.#pulse);
    this.#pulse = setInterval(() => this.#beat(), 5_000);
    this.#tell('open', 'live');
  }

  #skip({ to_seq: to = 0, epoch }) {
    if (epoch) this.#epoch = epoch; // the room counts anew
    this.#seq = epoch ? to : Math.max(this.#seq, to);
  }

  #advance(seq) {
    if (seq > this.#seq + 1) this.dispatchEvent(new CustomEvent('hole', { detail: { from: this.#seq + 1, to: seq - 1 } }));
    this.#seq = Math.max(this.#seq, seq);
  }

  #beat() {
    const quiet = Date.now() - this.#lastFrame;
    if (quiet > deadMs) this.#cut();
    else if (quiet > quietMs) this.send({ type: 'ping', id: newID() });
  }

  // Closing a dead connection can take minutes: let go of it and go on.
  #cut() {
    this.#drop(4000);
    this.#closed(1006);
  }

  // The pod drains: it says when to come back, so that its viewers do not all leave at once.
  #planMove(afterMs) {
    this.#moveAt = Date.now() + afterMs;
    clearTimeout(this.#move);
    const run = this.#run;
    this.#move = setTimeout(() => { if (run === this.#run) this.#moveNow(); }, afterMs);
  }

  #moveNow() {
    this.#drop(1000);
    this.#connect(false);
  }

  #closed(code) {
    this.#drop(1000);
    const plan = afterClose(code, this.#attempt++);
    if (!plan.again) {
      this.#tell('stopped', plan.text, { ended: plan.ended });
      return;
    }
    if (code === 1012) plan.waitMs = Math.max(0, this.#moveAt - Date.now()) || plan.waitMs;
    this.#wait(plan, plan.text);
  }

  #wait(plan, text) {
    this.#tell('waiting', text, { waitMs: plan.waitMs });
    clearTimeout(this.#retry);
    this.#plan = plan;
    this.#retry = setTimeout(() => this.#connect(plan.renew), plan.waitMs);
  }

  #hurry() {
    if (this.state !== 'waiting' || this.#plan.minMs) return;
    clearTimeout(this.#retry);
    this.#connect(this.#plan.renew);
  }

  #drop(code) {
    clearInterval(this.#pulse);
    clearTimeout(this.#move);
    const ws = this.#ws;
    this.#ws = null;
    if (!ws) return;
    ws.onmessage = ws.onclose = null;
    if (ws.readyState <= WebSocket.OPEN) ws.close(code);
  }

  #tell(state, text, more = {}) {
    this.state = state;
    this.dispatchEvent(new CustomEvent('state', { detail: { state, text, ...more } }));
  }
}
