// Gifts of the room over the stage: a banner each, in which a combo counts up, and a scene of their own for big ones.

import { el, face, picture } from './dom.js';
import { count } from './format.js';

const places = 3;
const holdMs = 3_600;
const waitingMost = 24;

export class GiftShow {
  #shown = new Map(); // sender and gift → {node, timer}
  #waiting = [];

  /** effects plays scenes; root holds the banners. */
  constructor({ root, effects }) { Object.assign(this, { root, effects }); }

  /** gift: {nickname, userID, giftID, name, icon, times, cost, effect, own}. What finds no place waits; the least worth goes first. */
  show(gift) {
    if (document.hidden) return;
    if (gift.effect) this.effects.play(gift);
    const key = `${gift.userID}:${gift.giftID}`;
    const shown = this.#shown.get(key);
    if (shown) {
      this.#count(shown, gift.times);
      return;
    }
    const same = this.#waiting.find((waiting) => waiting.key === key);
    if (same) same.times = Math.max(same.times, gift.times);
    else if (this.#shown.size < places) this.#place({ ...gift, key });
    else this.#wait({ ...gift, key });
  }

  clear() {
    this.#waiting = [];
    for (const { timer } of this.#shown.values()) clearTimeout(timer);
    this.#shown.clear();
    this.root.replaceChildren();
    this.effects.clear();
  }

  #wait(gift) {
    this.#waiting.push(gift);
    if (this.#waiting.length <= waitingMost) return;
    const worth = (one) => (one.own ? Infinity : one.cost);
    const least = this.#waiting.reduce((a, b) => (worth(b) < worth(a) ? b : a));
    this.#waiting.splice(this.#waiting.indexOf(least), 1);
  }

  #place(gift) {
    const node = el('div', { class: gift.effect ? 'tribute big' : 'tribute', data: { gift: gift.giftID } }, face({ id: gift.userID, nickname: gift.nickname }),
      el('span', { class: 'tribute-text' }, el('b', {}, gift.nickname), el('small', {}, `sent ${gift.name}`)),
      picture(gift.icon), el('b', { class: 'times' }));
    const shown = { node, timer: 0, times: 0, key: gift.key };
    this.#shown.set(gift.key, shown);
    this.root.append(node);
    this.#count(shown, gift.times);
  }

  #count(shown, times) {
    clearTimeout(shown.timer);
    shown.timer = setTimeout(() => this.#leave(shown), holdMs);
    if (times <= shown.times) return;
    shown.times = times;
    const node = shown.node.querySelector('.times');
    node.textContent = `×${count(times)}`;
    node.animate({ transform: ['scale(2)', 'scale(.9)', 'scale(1)'] }, { duration: 260, easing: 'ease-out' });
  }

  #leave({ node, key }) {
    node.remove();
    this.#shown.delete(key);
    const next = this.#waiting.shift();
    if (next) this.#place(next);
  }
}
