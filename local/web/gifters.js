// Who gave most in the room today.

import { path } from './api.js';
import { el, face, icon } from './dom.js';
import { coins } from './format.js';

const everyMs = 15_000;
const gatherMs = 500; // a combo is one call

export class Gifters {
  #timer = 0;
  #hurried = false;

  constructor({ list, session }) {
    Object.assign(this, { list, session, room: 0 });
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.#in(0); });
  }

  watch(room) {
    if (room !== this.room) this.#draw([]);
    this.room = room;
    this.#in(0);
  }

  /** A gift came: the ranking has it already. */
  soon() {
    if (this.#hurried) return;
    this.#hurried = true;
    this.#in(gatherMs);
  }

  #in(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#refresh(), ms);
  }

  async #refresh() {
    this.#hurried = false;
    if (document.hidden) return;
    const { room } = this;
    try {
      const { items } = await this.session.call('GET', path.gifters(room));
      if (room === this.room) this.#draw(items);
    } catch {
      // The last answer stays on the screen.
    }
    if (!this.#hurried) this.#in(everyMs); // else a gift came meanwhile, and its look is planned
  }

  #draw(items) {
    this.list.replaceChildren(...items.map(({ rank, user_id: userID, nickname, score }) => {
      const name = nickname || `User ${userID}`;
      return el('li', { class: 'gifter', data: { user: userID } }, el('b', { class: 'place' }, String(rank)), face({ id: userID, nickname: name }, 'small'),
        el('span', { class: 'name' }, name), el('span', { class: 'price' }, icon('coin'), coins(score)));
    }));
    if (!items.length) this.list.append(el('li', { class: 'empty' }, 'No gifts yet today.'));
  }
}
