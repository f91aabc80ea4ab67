// What stands in for a video that isn't there: a clock on a canvas. Around it lies the session, a ray a minute, as long as
// much was said; the hand goes round once.

import { reducedMotion } from '../dom.js';
import { stamp } from './scrubber.js';

const rays = 180;
const frameMs = 1000 / 15; // it is a clock, and what flies over it wants the processor
const wall = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'long' });
const font = 'system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans", "DejaVu Sans", sans-serif';

export class Face {
  #rays = new Float32Array(rays); // 0 … 1
  #energy = 0;
  #drawn = '';
  #last = 0;

  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d', { alpha: false });
    new ResizeObserver(() => { this.#drawn = ''; }).observe(canvas);
  }

  /** points: {from, to, danmu} in ms of a session of that length. */
  density(points, length) {
    this.#rays.fill(0);
    for (const p of points) {
      const first = Math.max(0, Math.floor((p.from / length) * rays));
      const last = Math.min(rays - 1, Math.max(first, Math.ceil((p.to / length) * rays) - 1));
      for (let i = first; i <= last; i++) this.#rays[i] = Math.max(this.#rays[i], p.danmu / (p.to - p.from));
    }
    const most = Math.max(...this.#rays) || 1;
    this.#rays.forEach((n, i) => { this.#rays[i] = n / most; });
    this.#drawn = '';
  }

  /** So many messages more: the clock answers. */
  pulse(n) { this.#energy = Math.min(1, this.#energy + 0.06 * n); }

  /** ms of a session that began at started (Unix ms). Called every frame; draws when something is to be seen. */
  draw({ ms, length, started, playing }) {
    this.#energy *= playing ? 0.985 : 0.9;
    const state = `${Math.floor(ms / 1000)} ${length} ${started} ${playing}`;
    const still = !playing || reducedMotion();
    if ((still && state === this.#drawn) || performance.now() - this.#last < frameMs) return;
    this.#last = performance.now();
    this.#drawn = state;
    const ratio = Math.min(2, devicePixelRatio || 1);
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight].map((n) => Math.round(n * ratio));
    if (!width || !height) return;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const c = this.context;
    const radius = Math.min(width, height) * 0.27;
    this.#sky(c, width, height, radius);
    const share = length ? Math.min(1, ms / length) : 0;
    c.save();
    c.translate(width / 2, height * 0.5);
    this.#ring(c, radius, share);
    this.#hand(c, radius, share);
    this.#digits(c, radius, { ms, length, started });
    c.restore();
  }

  #sky(c, width, height, radius) {
    const sky = c.createRadialGradient(width / 2, height / 2, radius * 0.2, width / 2, height / 2, Math.hypot(width, height) * 0.55);
    [[0, `hsl(266 55% ${14 + this.#energy * 6}%)`], [0.35, '#170b2e'], [1, '#07050f']].forEach(([at, color]) => sky.addColorStop(at, color));
    c.fillStyle = sky;
    c.fillRect(0, 0, width, height);
  }

  #ring(c, radius, share) {
    c.lineCap = 'round';
    c.lineWidth = Math.max(1.5, (radius * Math.PI * 2) / rays * 0.5);
    for (let i = 0; i < rays; i++) {
      const turn = (i / rays) * Math.PI * 2 - Math.PI / 2;
      const played = i / rays < share;
      const reach = radius * (1.12 + 0.03 + this.#rays[i] * 0.38);
      c.strokeStyle = played ? `hsl(${330 - (i / rays) * 130} 95% 66%)` : '#ffffff22';
      c.beginPath();
      c.moveTo(Math.cos(turn) * radius * 1.12, Math.sin(turn) * radius * 1.12);
      c.lineTo(Math.cos(turn) * reach, Math.sin(turn) * reach);
      c.stroke();
    }
  }

  #hand(c, radius, share) {
    const turn = share * Math.PI * 2 - Math.PI / 2;
    c.lineWidth = radius * 0.012;
    c.strokeStyle = '#ffffff1f';
    c.beginPath();
    c.arc(0, 0, radius, 0, 7);
    c.stroke();
    c.fillStyle = '#fff';
    c.shadowColor = '#ff4f8b';
    c.shadowBlur = radius * (0.12 + this.#energy * 0.2);
    c.beginPath();
    c.arc(Math.cos(turn) * radius, Math.sin(turn) * radius, radius * 0.04, 0, 7);
    c.fill();
    c.shadowBlur = 0;
  }

  #digits(c, radius, { ms, length, started }) {
    c.textAlign = 'center';
    c.textBaseline = 'alphabetic';
    const line = (text, size, y, color, weight) => {
      c.font = `${weight} ${Math.round(radius * size)}px ${font}`;
      c.fillStyle = color;
      c.fillText(text, 0, radius * y, radius * 1.8);
    };
    const long = length >= 3_600_000;
    line(stamp(ms), long ? 0.4 : 0.5, 0.12, '#fff', 750);
    line(`of ${stamp(length)}`, 0.13, 0.34, '#a3a1b8', 500);
    if (!started) return;
    line(wall.format(new Date(started + ms)), 0.15, -0.42, '#d9c9ff', 650);
    line(day.format(new Date(started + ms)), 0.11, 0.58, '#a3a1b8', 500);
  }
}
