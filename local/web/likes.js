// The like button: clicks are gathered into few messages, and hearts rise from it for every like in the room.

import { icon, reducedMotion } from './dom.js';
import { count } from './format.js';

const gatherMs = 700; // the server counts messages, not likes: one message carries many
const mostOnScreen = 36;
const hues = [338, 350, 310, 280, 20];

export class Likes {
  #mine = 0;
  #total = 0;
  #timer = 0;

  /** onLike(n) sends n likes and returns whether they were taken. */
  constructor({ button, total, bursts, onLike }) {
    Object.assign(this, { button, totalNode: total, bursts, onLike });
    button.addEventListener('click', () => this.#click());
  }

  allow(ready) { this.button.disabled = !ready; }

  /** Another room: counts from nothing. */
  clear() { this.#show(0); }

  /** The number of likes by the room's statistics, which come a little late: the count never goes back. */
  atLeast(total) { this.#show(Math.max(this.#total, total)); }

  /** n likes more; hearts for them unless they were ours and have risen already. */
  more(n, own) {
    this.#show(this.#total + n);
    if (!own) for (let i = 0; i < Math.min(n, 6); i++) this.#rise(i * 90);
  }

  #show(total) {
    this.#total = total;
    this.totalNode.textContent = count(total);
  }

  #click() {
    this.#mine = Math.min(100, this.#mine + 1);
    this.#rise(0);
    this.button.animate({ transform: ['scale(1)', 'scale(1.25)', 'scale(1)'] }, 180);
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      if (this.onLike(this.#mine)) this.#mine = 0;
    }, gatherMs);
  }

  #rise(delay) {
    if (this.bursts.childElementCount >= mostOnScreen || document.hidden || reducedMotion()) return;
    const heart = icon('heart');
    const drift = (Math.random() - 0.5) * 90;
    const size = 18 + Math.random() * 20;
    heart.style.color = `hsl(${hues[Math.floor(Math.random() * hues.length)]} 100% 66%)`;
    heart.style.width = heart.style.height = `${size}px`;
    this.bursts.append(heart);
    const rise = heart.animate([
      { transform: 'translate(0, 0) scale(.3)', opacity: 0 },
      { transform: `translate(${drift * 0.3}px, -18%) scale(1.1)`, opacity: 1, offset: 0.15 },
      { transform: `translate(${drift}px, ${-160 - Math.random() * 120}px) scale(.9) rotate(${drift / 4}deg)`, opacity: 0 },
    ], { duration: 1500 + Math.random() * 900, delay, easing: 'cubic-bezier(.2,.6,.4,1)', fill: 'both' });
    rise.onfinish = () => heart.remove();
  }
}
