// The line of time under the picture: where the playhead is, and how much was said when.

import { el } from '../dom.js';

/** 3725000 → '1:02:05'. */
export function stamp(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, '0');
  const [hours, minutes, seconds] = [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60];
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

const spoken = (ms) => {
  const [minutes, seconds] = [Math.floor(ms / 60_000), Math.floor(ms / 1000) % 60];
  return `${minutes} min ${seconds} s`;
};

export class Scrubber {
  #density = []; // {from, to, danmu}, in ms of the session
  #held = false; // the knob is being dragged
  #drawn = '';

  /** root is empty; onSeek(ms) is called when the playhead shall jump. */
  constructor(root, { onSeek }) {
    this.canvas = el('canvas', { class: 'density', 'aria-hidden': 'true' });
    this.range = el('input', { type: 'range', min: 0, max: 0, step: 1, value: 0, 'aria-label': 'Where in the recording' });
    this.tip = el('output', { class: 'tip', hidden: true, 'aria-hidden': 'true' });
    root.append(this.canvas, this.range, this.tip);
    this.range.addEventListener('input', () => {
      this.#held = true;
      this.#say(Number(this.range.value));
    });
    this.range.addEventListener('change', () => {
      this.#held = false;
      onSeek(Number(this.range.value));
    });
    root.addEventListener('pointermove', (event) => this.#point(event));
    root.addEventListener('pointerleave', () => { this.tip.hidden = true; });
    new ResizeObserver(() => this.#draw()).observe(this.canvas);
  }

  /** points: {from, to, danmu} in ms of the session. */
  density(points) {
    this.#density = points;
    this.#draw();
  }

  /** length and ms are the clock's; shift is how much later than the session the clock began. */
  show({ ms, length, shift }) {
    Object.assign(this, { length, shift });
    this.range.max = Math.max(1, Math.round(length));
    this.range.disabled = !length;
    if (!this.#held) this.range.value = Math.round(ms);
    this.#say(this.#held ? Number(this.range.value) : ms);
    const state = `${Math.round(length)} ${shift} ${Math.round((ms / (length || 1)) * this.canvas.clientWidth)}`;
    if (state !== this.#drawn) this.#draw(ms);
    this.#drawn = state;
  }

  #say(ms) { this.range.setAttribute('aria-valuetext', `${spoken(ms)} of ${spoken(this.length ?? 0)}`); }

  #point({ clientX }) {
    const box = this.range.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (clientX - box.left) / box.width));
    const ms = share * (this.length ?? 0);
    const here = this.#density.find((p) => p.from <= ms + this.shift && ms + this.shift < p.to);
    this.tip.textContent = here ? `${stamp(ms)} · ${here.danmu} danmaku` : stamp(ms);
    this.tip.style.left = `${share * box.width}px`;
    this.tip.hidden = !this.length;
  }

  #draw(ms = Number(this.range.value)) {
    const ratio = Math.min(2, devicePixelRatio || 1);
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight].map((n) => Math.round(n * ratio));
    if (!width || !height) return;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const c = this.canvas.getContext('2d');
    c.clearRect(0, 0, width, height);
    const most = Math.max(0, ...this.#density.map((p) => p.danmu / (p.to - p.from))) || 1;
    const at = (t) => (t / (this.length || 1)) * width;
    const played = at(ms);
    for (const p of this.#density) {
      const [left, right] = [at(p.from - this.shift), at(p.to - this.shift)];
      if (!p.danmu || right < 0 || left > width) continue;
      const tall = Math.max(2 * ratio, (p.danmu / (p.to - p.from) / most) * height);
      const gap = right - left > 4 * ratio ? ratio : 0;
      c.fillStyle = left < played ? '#ff4f8bcc' : '#8a88a355';
      c.fillRect(left, height - tall, Math.max(1, right - left - gap), tall);
    }
  }
}
