// The hot ranking and the numbers of the room, asked for every few seconds while the page is seen.

import { el } from './dom.js';
import { count } from './format.js';
import { path } from './api.js';

const everyMs = 5_000;
const labels = { online: 'online', peak_online: 'peak', unique_viewers: 'viewers', danmu: 'danmaku', likes: 'likes', gifts: 'gifts', coins: 'coins' };

export class Ranking {
  #timer = 0;
  #titles = new Map();

  /** session calls the API; onNumbers gets the room's statistics. */
  constructor({ list, numbers, session, onNumbers }) {
    Object.assign(this, { list, numbers, session, onNumbers, room: 0 });
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.refresh(); });
  }

  watch(room) {
    this.room = room;
    this.refresh();
  }

  learn(rooms) { for (const room of rooms) this.#titles.set(room.id, room.title); }

  async refresh() {
    clearTimeout(this.#timer);
    if (document.hidden) return;
    const room = this.room;
    const [hot, numbers] = await Promise.allSettled([this.session.call('GET', path.hot), this.session.call('GET', path.numbers(room))]);
    // A failed call leaves the last answer on the screen: the connection's state already tells that something is wrong.
    if (hot.status === 'fulfilled') await this.#drawRanking(hot.value.items ?? []);
    if (numbers.status === 'fulfilled' && room === this.room) this.#drawNumbers(numbers.value);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), everyMs);
  }

  async #drawRanking(items) {
    await Promise.all(items.filter((item) => !this.#titles.has(item.room_id)).map((item) => this.#findTitle(item)));
    const most = Math.max(1, ...items.map((item) => item.score));
    this.list.replaceChildren(...items.map((item) => {
      const row = el('a', { href: `#room=${item.room_id}`, class: 'rank', 'aria-current': item.room_id === this.room ? 'true' : undefined },
        el('b', { class: 'place' }, String(item.rank)),
        el('span', { class: 'name' }, this.#titles.get(item.room_id) ?? `Room ${item.room_id}`),
        el('span', { class: 'score' }, count(item.score)), el('i', { class: 'bar', 'aria-hidden': 'true' }));
      row.lastElementChild.style.width = `${Math.max(2, (100 * item.score) / most)}%`;
      return el('li', {}, row);
    }));
    if (!items.length) this.list.append(el('li', { class: 'empty' }, 'No room is hot yet: say something.'));
  }

  async #findTitle(item) {
    try {
      this.#titles.set(item.room_id, item.title ?? (await this.session.call('GET', path.room(item.room_id))).title);
    } catch {
      this.#titles.set(item.room_id, `Room ${item.room_id}`);
    }
  }

  #drawNumbers(stats) {
    this.onNumbers(stats);
    this.numbers.replaceChildren(...Object.entries(labels).filter(([name]) => name in stats)
      .map(([name, label]) => el('div', {}, el('dt', {}, label), el('dd', {}, count(stats[name])))));
  }
}
