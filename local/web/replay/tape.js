// What was said in a session, as far as it is needed around the playhead: fetched ahead of it, forgotten behind it, so
// that hours with a million danmaku take no more memory than minutes.

const aheadMs = 30_000; // at speed 1
const behindMs = 60_000; // a short way back asks nobody
const aheadMost = 20_000; // messages that wait for the playhead
const behindMost = 10_000;
const againMs = 2_000; // after an error, and while the session goes on

export class Tape {
  #items = []; // in the order of time
  #taken = 0; // of #items have been given out
  #from = 0; // what lies between here and #until is held
  #until = 0;
  #next = null; // {address} or {from}; null behind the end
  #seen = new Set(); // keys of the last millisecond, which is asked for again while the session goes on
  #turn = 0; // an answer of an earlier turn is dropped
  #timer = 0;
  #busy = false;

  /** fetch({address | from}) answers {items, next}; onState({err}) is told of every answer. */
  constructor({ fetch, onState }) { Object.assign(this, { fetch, onState, position: 0, rate: 1, ended: true, total: 0 }); }

  get held() { return this.#items.length; }
  get loading() { return this.#busy; }

  /** Holds nothing and begins at a moment; ended says whether the session is over. */
  open({ ended }) {
    this.ended = ended;
    this.#reset(0);
  }

  /** Whether everything up to the moment is held. */
  covers(ms) { return ms >= this.#from && ms < this.#until; }

  /** The playhead jumps; what was said up to lookback before is needed, too. */
  seek(ms, lookback) {
    const from = Math.max(0, ms - lookback);
    if (from < this.#from || (from > this.#until && this.#next)) this.#reset(from);
    this.skip(ms);
    this.#fetchAhead();
  }

  /** What was said up to the moment is not to be taken any more. */
  skip(ms) {
    this.position = ms;
    this.#taken = this.#behind(ms);
  }

  /** What was said up to the moment and has not been taken yet. */
  take(ms) {
    this.position = ms;
    const from = this.#taken;
    while (this.#taken < this.#items.length && this.#items[this.#taken].offset_ms <= ms) this.#taken++;
    const taken = this.#items.slice(from, this.#taken);
    this.#forget();
    this.#fetchAhead();
    return taken;
  }

  /** What was said between two moments, as far as it is held. */
  between(from, to) { return this.#items.slice(this.#behind(from - 1), this.#behind(to)); }

  /** The session has ended: what comes next is its end. */
  end() {
    if (this.ended) return;
    this.ended = true;
    this.#fetchSoon(0);
  }

  #reset(from) {
    this.#turn++;
    clearTimeout(this.#timer);
    Object.assign(this, { position: from });
    this.#items = [];
    this.#seen.clear();
    this.#taken = 0;
    this.#from = this.#until = from;
    this.#next = { from };
    this.#busy = false;
    this.#timer = 0;
  }

  // How many of the items were said up to the moment.
  #behind(ms) {
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const mid = (low + high) >> 1;
      if (this.#items[mid].offset_ms <= ms) low = mid + 1;
      else high = mid;
    }
    return low;
  }

  #forget() {
    const old = Math.max(this.#behind(this.position - behindMs), this.#taken - behindMost);
    if (old < 1_000) return; // a piece at a time
    this.#from = this.#items[old - 1].offset_ms + 1;
    this.#items.splice(0, old);
    this.#taken -= old;
  }

  #fetchSoon(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#fetchAhead();
    }, ms);
  }

  async #fetchAhead() {
    const held = this.#until > this.position + aheadMs * this.rate || this.#items.length - this.#taken > aheadMost;
    const enough = held && this.#until < Infinity; // at the end of a session that goes on it is the timer that asks
    if (this.#busy || this.#timer || !this.#next || enough) return;
    const turn = this.#turn;
    const ended = this.ended; // before it is asked: what an end that comes meanwhile adds is asked for once more
    this.#busy = true;
    let err = null;
    try {
      const page = await this.fetch(this.#next);
      if (turn === this.#turn) this.#add(page, ended);
    } catch (failure) {
      err = failure;
    }
    if (turn !== this.#turn) return;
    this.#busy = false;
    if (err || (this.#next && this.#until === Infinity)) this.#fetchSoon(againMs);
    this.onState({ err });
    if (!err) this.#fetchAhead();
  }

  #add({ items, next }, ended) {
    for (const item of items) {
      const key = `${item.type} ${item.user_id} ${item.id}`;
      if (this.#seen.has(key)) continue;
      if (item.offset_ms !== this.#items.at(-1)?.offset_ms) this.#seen.clear();
      this.#seen.add(key);
      this.#items.push(item);
      this.total++;
    }
    const last = this.#items.at(-1)?.offset_ms ?? this.#from;
    if (next) [this.#next, this.#until] = [{ address: next }, Math.max(this.#until, last)];
    else [this.#next, this.#until] = [ended ? null : { from: last }, Infinity];
  }
}
