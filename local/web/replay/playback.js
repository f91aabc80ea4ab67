// Plays a session: asks the clock where it is and gives stage, chat and gifts what was said by then.

import { stamp } from './scrubber.js';
import { Tape } from './tape.js';

const flightMs = 10_000; // no danmu flies longer
const jumpMs = 1_500; // further than that in a frame, at speed 1, is a jump: a hidden page gets no frames
const chatAtLeast = 120; // lines are wanted after a jump …
const jitterMs = 250; // a video's time may step back by so much without a jump
const lookBackMost = 600_000; // … as far as these minutes have them
const lookBackUnknown = 60_000;

const keyOf = (item) => `${item.type} ${item.user_id} ${item.id}`;

export class Playback {
  #filled = false; // what is seen fits to where we are
  #at = 0;
  #clock = new AbortController();
  #density = [];

  /** parts: tape's fetch and onState; stage, chat, giftShow, iconOf; onFrame({ms, messages}) and onChange() of the clock. */
  constructor({ fetch, onState, ...parts }) {
    Object.assign(this, parts, { shift: 0, session: null, clock: null });
    this.tape = new Tape({ fetch, onState: (state) => onState(state) });
    const frame = () => {
      this.#frame();
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  /** Where we are, in ms of the session. */
  get ms() { return (this.clock?.ms ?? 0) + this.shift; }

  /** Goes by another clock from now on, at the same speed and from the same moment of the session; it goes on if the last one did. */
  use(clock) {
    const [ms, rate, playing] = [this.ms, this.clock?.rate ?? 1, this.clock?.playing];
    this.#clock.abort();
    this.#clock = new AbortController();
    if (this.clock !== clock) this.clock?.pause();
    this.clock = clock;
    clock.rate = rate;
    clock.seek(ms - this.shift);
    clock.addEventListener('change', () => this.#changed(), { signal: this.#clock.signal });
    if (playing) clock.play().catch(() => {}); // refused: the button is there
    this.refill();
    this.#changed();
  }

  /** Plays another session, from its beginning. */
  open(session, { ended }) {
    this.session = session;
    this.#density = [];
    this.tape.open({ ended });
    this.refill();
  }

  /** points: {from, to, danmu} in ms of the session. */
  density(points) { this.#density = points; }

  /** The clock began so many ms later than the session. */
  shiftBy(ms) {
    this.shift = ms;
    this.refill();
  }

  /** Clears what is seen, and shows what should be there. */
  refill() {
    this.#filled = false;
    this.stage?.clear();
    this.giftShow?.clear();
    if (this.session) this.tape.seek(this.ms, this.#lookBack(this.ms));
  }

  #changed() {
    const { clock } = this;
    this.tape.rate = clock.rate;
    this.stage.pace(clock.moving ? clock.rate : 0);
    this.onChange();
  }

  #frame() {
    if (!this.session || !this.clock) return;
    const { ms } = this;
    let messages = 0;
    if (this.#filled && (ms < this.#at - jitterMs || ms - this.#at > jumpMs * this.clock.rate)) this.refill();
    if (this.#filled) messages = this.#deliver(this.tape.take(ms));
    else if (this.tape.covers(Math.max(0, ms))) this.#fill(ms);
    this.#at = ms;
    this.onFrame({ ms, messages, loading: !this.#filled });
  }

  #fill(ms) {
    const back = this.#lookBack(ms); // as far as it is held: the jump asked for it, or did not know it yet
    this.tape.skip(ms);
    this.chat.clear();
    for (const item of this.tape.between(ms - back, ms).slice(-2 * chatAtLeast)) this.#write(item);
    this.stage.fill(this.tape.between(ms - flightMs, ms).filter((item) => item.type === 'danmu').map(danmu));
    this.#filled = true;
  }

  #deliver(items) {
    for (const item of items) {
      this.#write(item);
      if (item.type === 'danmu') this.stage.fly(danmu(item));
      else this.giftShow.show(this.#gift(item));
    }
    return items.length;
  }

  // A line of the chat.
  #write(item) {
    if (item.type === 'gift') {
      const { nickname, icon, name, times, count, giftID, userID } = this.#gift(item);
      this.chat.gift(`${userID}:${giftID}`, `${icon} ${nickname} sent ${name} × ${times}`, times > count);
      return;
    }
    const { nickname = `User ${item.user_id}`, role } = item.data ?? {};
    const badge = item.user_id === this.session.anchor_id ? 'anchor' : ['admin', 'moderator'].includes(role) && role;
    this.chat.add({
      key: keyOf(item), id: item.id, nickname, userID: item.user_id, text: item.content, badge, at: Date.parse(this.session.started_at) + item.offset_ms,
      stamp: stamp(item.offset_ms - this.shift),
    });
  }

  #gift({ user_id: userID, data = {} }) {
    const { nickname = `User ${userID}`, gift_id: giftID, name = 'a gift', count = 1, combo = 0, cost = 0, effect = '' } = data;
    return { userID, nickname, giftID, name, icon: this.iconOf(giftID), times: Math.max(combo, count), count, cost, effect };
  }

  // How far back the chat wants to see after a jump: further where little was said.
  #lookBack(ms) {
    if (!this.#density.length) return lookBackUnknown;
    let said = 0;
    for (const point of this.#density.toReversed()) {
      if (point.from >= ms) continue;
      const before = ms - point.from;
      said += point.danmu * Math.min(1, before / (point.to - point.from));
      if (said >= chatAtLeast || before > lookBackMost) return Math.max(flightMs, Math.min(lookBackMost, before));
    }
    return lookBackMost;
  }
}

function danmu({ id, user_id: userID, content: text, data, offset_ms: at }) {
  const { color, mode, size } = data ?? {};
  return { id, userID, text, color, mode, size, at };
}
