// What stands in for the video when a room has no playback URL: a concert drawn on a canvas, livelier as the room talks.

import { reducedMotion } from './dom.js';

const frameMs = 1000 / 30;
const beams = [
  { x: 0.1, hue: 325, speed: 0.31, phase: 0 }, { x: 0.28, hue: 268, speed: 0.23, phase: 2 },
  { x: 0.46, hue: 200, speed: 0.27, phase: 4 }, { x: 0.6, hue: 310, speed: 0.21, phase: 1 },
  { x: 0.77, hue: 250, speed: 0.29, phase: 3 }, { x: 0.92, hue: 190, speed: 0.25, phase: 5 },
];

export class Backdrop {
  #energy = 0;
  #beat = 0;
  #last = 0;
  #running = false;
  #frame = 0;

  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d', { alpha: false });
    this.motes = Array.from({ length: 46 }, (_, i) => mote(i));
    new ResizeObserver(() => this.#resize()).observe(canvas);
    document.addEventListener('visibilitychange', () => this.#wake());
    this.#resize();
  }

  /** One message more in the room: the lights answer. */
  pulse(weight = 1) { this.#energy = Math.min(1, this.#energy + 0.05 * weight); }

  start() {
    this.#running = true;
    this.#wake();
  }

  stop() { this.#running = false; }

  #wake() {
    if (this.#running && !document.hidden) this.#frame ||= requestAnimationFrame((now) => this.#tick(now));
  }

  #tick(now) {
    this.#frame = 0;
    if (!this.#running || document.hidden) return;
    if (now - this.#last >= frameMs - 2) {
      const step = Math.min(100, now - this.#last);
      this.#last = now;
      this.#energy *= Math.exp(-step / 4000);
      this.#beat += step * (0.0021 + this.#energy * 0.0008);
      this.#draw(now / 1000);
    }
    if (!reducedMotion()) this.#wake();
  }

  #resize() {
    const ratio = Math.min(1.5, devicePixelRatio || 1);
    const width = Math.round(this.canvas.clientWidth * ratio);
    const height = Math.round(this.canvas.clientHeight * ratio);
    if (!width || !height || (width === this.canvas.width && height === this.canvas.height)) return;
    Object.assign(this.canvas, { width, height });
    this.sky = paintSky(width, height);
    this.crowds = [paintCrowd(width, height, 0.15, 26, '#191033', 11), paintCrowd(width, height, 0.2, 17, '#0a0618', 5)];
    this.#draw(performance.now() / 1000);
  }

  #draw(t) {
    const { context: c, canvas: { width, height } } = this;
    if (!this.sky) return;
    c.globalCompositeOperation = 'source-over';
    c.globalAlpha = 1;
    c.drawImage(this.sky, 0, 0);
    c.globalCompositeOperation = 'lighter';
    this.#bars(c, width, height, t);
    for (const beam of beams) drawBeam(c, width, height, beam, t, this.#energy);
    this.#drift(c, width, height, t);
    c.globalCompositeOperation = 'source-over';
    c.globalAlpha = 1;
    this.crowds.forEach((crowd, i) => {
      const hop = Math.abs(Math.sin(this.#beat + i * 1.1)) * height * (0.008 + this.#energy * 0.016) * (i + 1);
      c.drawImage(crowd, 0, Math.round(height - crowd.height + height * 0.03 - hop));
    });
  }

  // The screen behind the band: a spectrum that breathes with the beat.
  #bars(c, width, height, t) {
    const n = 40;
    const left = width * 0.2;
    const step = (width * 0.6) / n;
    const floor = height * 0.78;
    for (let i = 0; i < n; i++) {
      const wave = Math.sin(i * 0.55 + t * 1.7) * Math.sin(i * 0.21 - t * 1.1) * 0.5 + 0.5;
      const arch = Math.sin((Math.PI * (i + 0.5)) / n);
      const tall = height * (0.05 + arch * wave * (0.2 + this.#energy * 0.16)) * (0.86 + 0.14 * Math.sin(this.#beat * 2));
      const hue = 320 - (i / n) * 130;
      c.fillStyle = `hsl(${hue} 90% 60% / .34)`;
      c.fillRect(left + i * step, floor - tall, step * 0.62, tall);
      c.fillStyle = `hsl(${hue} 90% 60% / .08)`;
      c.fillRect(left + i * step, floor, step * 0.62, tall * 0.45);
    }
  }

  #drift(c, width, height, t) {
    for (const m of this.motes) {
      const y = 1 - ((m.y + t * m.speed) % 1);
      const x = m.x + Math.sin(t * m.sway + m.phase) * 0.02;
      c.globalAlpha = m.alpha * Math.sin(Math.PI * y) * (0.6 + this.#energy * 0.4);
      c.fillStyle = m.color;
      c.beginPath();
      c.arc(x * width, y * height, m.radius * height, 0, 7);
      c.fill();
    }
    c.globalAlpha = 1;
  }
}

// A fixed sequence instead of random numbers: the scene is the same on every load.
const spread = (i, k) => (Math.sin(i * 127.1 + k * 311.7) * 43758.5453) % 1 * 0.5 + 0.5;

function mote(i) {
  return {
    x: spread(i, 1), y: spread(i, 2), speed: 0.012 + spread(i, 3) * 0.03, sway: 0.3 + spread(i, 4), phase: spread(i, 5) * 6,
    radius: 0.002 + spread(i, 6) ** 3 * 0.014, alpha: 0.1 + spread(i, 7) * 0.35,
    color: `hsl(${[322, 265, 195, 45][i % 4]} 95% 70%)`,
  };
}

function sheet(width, height) {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  return canvas;
}

function paintSky(width, height) {
  const canvas = sheet(width, height);
  const c = canvas.getContext('2d');
  const sky = c.createLinearGradient(0, 0, 0, height);
  [[0, '#070512'], [0.45, '#170b36'], [0.72, '#3b1259'], [0.82, '#260d40'], [1, '#0a0618']].forEach(([at, color]) => sky.addColorStop(at, color));
  c.fillStyle = sky;
  c.fillRect(0, 0, width, height);
  const glow = c.createRadialGradient(width / 2, height * 0.78, 0, width / 2, height * 0.78, width * 0.5);
  [[0, 'rgba(255,92,168,.55)'], [0.4, 'rgba(138,92,255,.22)'], [1, 'transparent']].forEach(([at, color]) => glow.addColorStop(at, color));
  c.fillStyle = glow;
  c.fillRect(0, 0, width, height);
  return canvas;
}

function drawBeam(c, width, height, beam, t, energy) {
  const x = beam.x * width;
  const tip = x + Math.sin(Math.sin(t * beam.speed * 2.2 + beam.phase) * 0.42) * height * 1.1;
  const light = c.createLinearGradient(x, 0, tip, height * 0.95);
  light.addColorStop(0, `hsl(${beam.hue} 100% 74% / ${0.2 + energy * 0.16})`);
  light.addColorStop(0.5, `hsl(${beam.hue} 100% 62% / ${0.055 + energy * 0.06})`);
  light.addColorStop(1, 'transparent');
  c.fillStyle = light;
  for (const reach of [0.105, 0.075, 0.045]) { // three cones in each other: soft edges without a blur
    c.beginPath();
    c.moveTo(x - width * 0.002, 0);
    c.lineTo(x + width * 0.002, 0);
    c.lineTo(tip + width * reach, height);
    c.lineTo(tip - width * reach, height);
    c.fill();
  }
}

// People from behind: heads and shoulders, some with an arm and a light stick up.
function paintCrowd(width, height, share, people, color, seed) {
  const tall = Math.round(height * (share + 0.12));
  const canvas = sheet(width, tall);
  const c = canvas.getContext('2d');
  const sticks = ['#ff5fa2', '#7df9ff', '#ffd166', '#b48bff'];
  const base = tall - height * share * 0.62;
  const unit = width / people;
  c.lineCap = 'round';
  for (let i = -1; i <= people; i++) {
    const x = (i + 0.5 + (spread(i, seed) - 0.5) * 0.5) * unit;
    const y = base + spread(i, seed + 1) * height * 0.05;
    const head = unit * (0.2 + spread(i, seed + 2) * 0.04);
    if (spread(i, seed + 3) > 0.5) raiseArm(c, x, y, head, spread(i, seed + 4) > 0.5 ? 1 : -1, color, spread(i, seed + 5) > 0.35 ? sticks[Math.abs(i) % 4] : '');
    c.fillStyle = color;
    c.beginPath();
    c.arc(x, y, head, 0, 7);
    c.fill();
    c.beginPath();
    c.ellipse(x, y + head * 3.1, unit * 0.56, head * 2.3, 0, 0, 7);
    c.fill();
  }
  c.fillRect(0, base + height * 0.1, width, tall);
  return canvas;
}

function raiseArm(c, x, y, head, side, color, stick) {
  const hand = { x: x + side * head * 2.1, y: y - head * 2.3 };
  c.strokeStyle = color;
  c.lineWidth = head * 0.62;
  c.beginPath();
  c.moveTo(x + side * head * 1.4, y + head * 2);
  c.lineTo(hand.x, hand.y);
  c.stroke();
  if (!stick) return;
  c.save();
  Object.assign(c, { strokeStyle: stick, lineWidth: head * 0.26, shadowColor: stick, shadowBlur: head * 1.6 });
  c.beginPath();
  c.moveTo(hand.x, hand.y);
  c.lineTo(hand.x + side * head * 0.5, hand.y - head * 1.5);
  c.stroke();
  c.restore();
}
