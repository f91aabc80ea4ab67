// Danmaku on the stage: a bounded number of elements, moved by the compositor, each in a lane of its own. The stage lives
// in the time of a clock: the browser's in a live room, the recording's in a replay.

import { el, reducedMotion } from './dom.js';
import { FixedLanes, ScrollLanes, layout } from './lanes.js';

const scale = { small: 0.78, medium: 1, large: 1.62 };
const span = { small: 1, medium: 1, large: 2 };
const holdMs = 4_000; // how long text at the top or bottom stands
const patienceMs = 2_500; // how long a danmu waits for a lane before it is left out
const waitingMost = 120;
const longestMs = 10_000; // of any flight
const placedPerFrame = 16;

export class Stage {
  #waiting = []; // danmaku without a lane yet, oldest first
  #flying = new Map(); // element → {id, userID, at, animation}
  #rate = 1;
  #pool = [];
  #frame = 0;
  #ruler = document.createElement('canvas').getContext('2d');

  /** now is the clock, in ms; onResize runs when the stage has been cleared for a new size. */
  constructor(root, { now = () => performance.now(), onResize = () => {} } = {}) {
    Object.assign(this, { root, now, onResize });
    this.shown = true;
    this.leftOut = 0;
    new ResizeObserver(() => { if (this.#resize()) this.onResize(); }).observe(root);
    this.#resize();
  }

  get flying() { return this.#flying.size; }

  /**
   * danmu: {id, userID, text, color, mode, size, own, at}, where at is when it was said, if not now. Never blocks; what
   * finds no place soon enough is left out.
   */
  fly(danmu) {
    if (!this.shown) return;
    const item = { ...danmu, since: danmu.at ?? this.now() };
    if (item.own) this.#waiting.unshift(item);
    else this.#waiting.push(item);
    if (this.#waiting.length > waitingMost) this.#leaveOut(this.#waiting.findIndex((w) => !w.own));
    this.#schedule();
  }

  /** Shows what flies at this moment of danmaku in the order of time, as if somebody had looked on all the while. */
  fill(danmaku) {
    this.clear();
    if (!this.shown || !this.plan) return;
    this.#freeLanes();
    const now = this.now();
    for (const item of danmaku) {
      if (this.#flying.size >= this.most) return;
      if (now - item.at < longestMs) this.#launch(item, item.at);
    }
  }

  /** How fast the clock goes; 0: it stands. */
  pace(rate) {
    this.#rate = rate;
    for (const { animation, at } of this.#flying.values()) this.#steer(animation, at);
    if (this.#waiting.length) this.#schedule();
  }

  show(shown) {
    this.shown = shown;
    if (!shown) this.clear();
  }

  /** Takes a deleted message of the user off the stage. */
  remove(id, userID) {
    const meant = (item) => item.id === id && (!userID || item.userID === userID);
    this.#waiting = this.#waiting.filter((item) => !meant(item));
    for (const [node, flight] of this.#flying) if (meant(flight)) this.#land(node);
  }

  clear() {
    this.#waiting = [];
    for (const node of [...this.#flying.keys()]) this.#land(node);
  }

  #resize() {
    const { clientWidth, clientHeight } = this.root;
    if (!clientWidth || (this.plan?.width === clientWidth && this.height === clientHeight)) return false;
    this.height = clientHeight;
    this.plan = layout(clientWidth, clientHeight);
    this.most = Math.max(20, this.plan.rows * 8);
    // Those on their way were placed for the old size and could now meet.
    this.clear();
    this.#freeLanes();
    return true;
  }

  #freeLanes() {
    this.lanes = {
      scroll: new ScrollLanes({ rows: this.plan.scroll, width: this.plan.width }),
      top: new FixedLanes({ rows: this.plan.top }),
      bottom: new FixedLanes({ rows: this.plan.bottom }),
    };
  }

  #schedule() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#place(this.now());
      if (this.#waiting.length && this.#rate) this.#schedule();
    });
  }

  #place(now) {
    let placed = 0;
    let yielded = false; // what we said ourselves waits for room: nobody else takes it meanwhile
    const still = [];
    for (const item of this.#waiting) {
      if (!yielded && placed < placedPerFrame && this.#flying.size < this.most && this.#launch(item, item.late ? now : item.since)) {
        placed++;
        continue;
      }
      item.late = true;
      yielded ||= item.own;
      if (now - item.since < patienceMs || item.own) still.push(item);
      else this.leftOut++;
    }
    this.#waiting = still;
  }

  #leaveOut(index) {
    this.#waiting.splice(Math.max(0, index), 1);
    this.leftOut++;
  }

  #launch(item, at) {
    const mode = item.mode in this.lanes ? item.mode : 'scroll';
    const size = item.size in scale ? item.size : 'medium';
    const rows = Math.min(span[size], mode === 'scroll' ? this.plan.scroll : this.plan[mode]);
    const font = Math.round(this.plan.rowHeight * 0.62 * scale[size]);
    const length = this.#measure(item.text, font);
    // Long texts fly a little faster; about 8 s on a desktop, 6 s on a phone.
    const duration = Math.min(longestMs, Math.max(5_500, 4_500 + this.plan.width * 3.2));
    const row = this.lanes[mode].place(at, { length, duration, span: rows, hold: holdMs });
    if (row < 0) return false;
    if (this.now() - at >= (mode === 'scroll' ? duration : holdMs)) return true; // it has been and gone
    const node = this.#pool.pop() ?? el('div');
    node.className = item.own ? 'danmu own' : 'danmu';
    node.textContent = item.text;
    node.style.fontSize = `${font}px`;
    node.style.height = node.style.lineHeight = `${rows * this.plan.rowHeight}px`;
    node.style.top = `${this.#topOf(mode, row, rows)}px`;
    node.style.color = item.color || '';
    this.root.append(node);
    const animation = this.#animate(node, mode, length, duration);
    this.#flying.set(node, { id: item.id, userID: item.userID, at, animation });
    this.#steer(animation, at);
    return true;
  }

  #topOf(mode, row, rows) {
    const { rowHeight, top } = this.plan;
    if (mode === 'top') return row * rowHeight;
    if (mode === 'bottom') return this.height - (row + rows) * rowHeight;
    return (top + row) * rowHeight;
  }

  #animate(node, mode, length, duration) {
    const from = mode === 'scroll' && !reducedMotion() ? this.plan.width : (this.plan.width - length) / 2;
    const to = mode === 'scroll' && !reducedMotion() ? -length : from;
    const animation = node.animate(
      { transform: [`translate3d(${from}px, 0, 0)`, `translate3d(${to}px, 0, 0)`] },
      { duration: mode === 'scroll' ? duration : holdMs, easing: 'linear', fill: 'both' },
    );
    animation.onfinish = () => this.#land(node);
    return animation;
  }

  // Puts a flight where the clock says it is, and lets it go on as the clock does.
  #steer(animation, at) {
    animation.playbackRate = this.#rate || 1;
    if (this.#rate) animation.play();
    else animation.pause();
    animation.currentTime = this.now() - at;
  }

  #land(node) {
    const flight = this.#flying.get(node);
    if (!flight) return;
    this.#flying.delete(node);
    flight.animation.onfinish = null;
    flight.animation.cancel();
    node.remove();
    if (this.#pool.length < 60) this.#pool.push(node);
  }

  #measure(text, font) {
    this.#ruler.font = `700 ${font}px ${getComputedStyle(this.root).fontFamily}`;
    return Math.ceil(this.#ruler.measureText(text).width) + 20; // the padding of .danmu
  }
}
