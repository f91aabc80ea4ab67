// Danmaku on the stage: a bounded number of elements, moved by the compositor, each in a lane of its own.

import { el, reducedMotion } from './dom.js';
import { FixedLanes, ScrollLanes, layout } from './lanes.js';

const scale = { small: 0.78, medium: 1, large: 1.62 };
const span = { small: 1, medium: 1, large: 2 };
const holdMs = 4_000; // how long text at the top or bottom stands
const patienceMs = 2_500; // how long a danmu waits for a lane before it is left out
const waitingMost = 120;
const placedPerFrame = 16;

export class Stage {
  #waiting = []; // danmaku without a lane yet, oldest first
  #flying = new Map(); // element → {id, userID, animation}
  #pool = [];
  #frame = 0;
  #ruler = document.createElement('canvas').getContext('2d');

  constructor(root) {
    this.root = root;
    this.shown = true;
    this.leftOut = 0;
    new ResizeObserver(() => this.#resize()).observe(root);
    this.#resize();
  }

  get flying() { return this.#flying.size; }

  /** danmu: {id, userID, text, color, mode, size, own}. Never blocks; what finds no place soon enough is left out. */
  fly(danmu) {
    if (!this.shown) return;
    const item = { ...danmu, since: performance.now() };
    if (item.own) this.#waiting.unshift(item);
    else this.#waiting.push(item);
    if (this.#waiting.length > waitingMost) this.#leaveOut(this.#waiting.findIndex((w) => !w.own));
    this.#schedule();
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
    if (!clientWidth || (this.plan?.width === clientWidth && this.height === clientHeight)) return;
    this.height = clientHeight;
    this.plan = layout(clientWidth, clientHeight);
    this.most = Math.max(20, this.plan.rows * 8);
    // Those on their way were placed for the old size and could now meet.
    this.clear();
    this.lanes = {
      scroll: new ScrollLanes({ rows: this.plan.scroll, width: clientWidth }),
      top: new FixedLanes({ rows: this.plan.top }),
      bottom: new FixedLanes({ rows: this.plan.bottom }),
    };
  }

  #schedule() {
    this.#frame ||= requestAnimationFrame((now) => {
      this.#frame = 0;
      this.#place(now);
      if (this.#waiting.length) this.#schedule();
    });
  }

  #place(now) {
    let placed = 0;
    let yielded = false; // what we said ourselves waits for room: nobody else takes it meanwhile
    const still = [];
    for (const item of this.#waiting) {
      if (!yielded && placed < placedPerFrame && this.#flying.size < this.most && this.#launch(item, now)) {
        placed++;
        continue;
      }
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

  #launch(item, now) {
    const mode = item.mode in this.lanes ? item.mode : 'scroll';
    const size = item.size in scale ? item.size : 'medium';
    const rows = Math.min(span[size], mode === 'scroll' ? this.plan.scroll : this.plan[mode]);
    const font = Math.round(this.plan.rowHeight * 0.62 * scale[size]);
    const length = this.#measure(item.text, font);
    // Long texts fly a little faster; about 8 s on a desktop, 6 s on a phone.
    const duration = Math.min(10_000, Math.max(5_500, 4_500 + this.plan.width * 3.2));
    const row = this.lanes[mode].place(now, { length, duration, span: rows, hold: holdMs });
    if (row < 0) return false;
    const node = this.#pool.pop() ?? el('div');
    node.className = item.own ? 'danmu own' : 'danmu';
    node.textContent = item.text;
    node.style.fontSize = `${font}px`;
    node.style.height = node.style.lineHeight = `${rows * this.plan.rowHeight}px`;
    node.style.top = `${this.#topOf(mode, row, rows)}px`;
    node.style.color = item.color || '';
    this.root.append(node);
    this.#flying.set(node, { id: item.id, userID: item.userID, animation: this.#animate(node, mode, length, duration) });
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
