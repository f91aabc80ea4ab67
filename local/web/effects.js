// Scenes for big gifts, one after another on a canvas over the stage. Who prefers less motion sees banners alone.

import { reducedMotion } from './dom.js';
import { draw, scenes } from './scenes.js';

const waitingMost = 5;
const sceneMs = 4_200;

export class Effects {
  #waiting = [];
  #playing = null; // {gift, since}

  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
  }

  /** gift: {effect, icon, nickname, name, cost}. With too many waiting, the least worth is left out. */
  play(gift) {
    if (reducedMotion() || document.hidden) return;
    this.#waiting.push(gift);
    if (this.#waiting.length > waitingMost) {
      const least = this.#waiting.reduce((a, b) => (b.cost < a.cost ? b : a));
      this.#waiting.splice(this.#waiting.indexOf(least), 1);
    }
    if (!this.#playing) this.#next();
  }

  clear() {
    this.#waiting = [];
    if (this.#playing) this.#playing.since = -Infinity;
  }

  #next() {
    const gift = this.#waiting.shift();
    this.#playing = gift ? { gift, since: performance.now() } : null;
    this.canvas.hidden = !gift;
    if (!gift) {
      delete this.canvas.dataset.playing;
      return;
    }
    this.canvas.dataset.playing = gift.effect in scenes ? gift.effect : 'stars';
    this.#fit();
    requestAnimationFrame((now) => this.#tick(now));
  }

  #tick(now) {
    const { gift, since } = this.#playing;
    const t = Math.max(0, now - since) / sceneMs;
    const { width, height } = this.canvas;
    this.context.clearRect(0, 0, width, height);
    if (t >= 1) {
      this.#next();
      return;
    }
    draw(this.context, { width, height, t, name: this.canvas.dataset.playing, icon: gift.icon, caption: `${gift.nickname} · ${gift.name}` });
    requestAnimationFrame((next) => this.#tick(next));
  }

  #fit() {
    const ratio = Math.min(1.5, devicePixelRatio || 1);
    Object.assign(this.canvas, { width: Math.round(this.canvas.clientWidth * ratio), height: Math.round(this.canvas.clientHeight * ratio) });
  }
}
