// The list of live rooms.

import { el, icon } from './dom.js';
import { count, hue } from './format.js';
import { path } from './api.js';

const everyMs = 10_000;

export class Rooms {
  #timer = 0;

  constructor({ list, session, onRooms }) {
    Object.assign(this, { list, session, onRooms, current: 0 });
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.refresh(); });
  }

  watch(room) {
    this.current = room;
    this.refresh();
  }

  async refresh() {
    clearTimeout(this.#timer);
    if (document.hidden) return;
    try {
      const { items } = await this.session.call('GET', path.liveRooms);
      this.onRooms(items);
      this.#draw(items);
    } catch (err) {
      if (!this.list.childElementCount) this.list.append(el('li', { class: 'empty' }, err.message));
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), everyMs);
  }

  #draw(rooms) {
    this.list.replaceChildren(...rooms.map((room) => {
      const cover = el('span', { class: 'cover', 'aria-hidden': 'true' }, [...room.title][0] ?? '·');
      cover.style.setProperty('--hue', hue(`room ${room.id}`));
      if (room.cover) cover.append(el('img', { src: room.cover, alt: '', loading: 'lazy', onerror: ({ target }) => target.remove() }));
      return el('li', {}, el('a', { href: `#room=${room.id}`, class: 'room', 'aria-current': room.id === this.current ? 'page' : undefined },
        cover, el('span', { class: 'name' }, room.title), el('span', { class: 'watching' }, icon('eye'), count(room.viewer_count))));
    }));
    if (!rooms.length) this.list.append(el('li', { class: 'empty' }, 'No room is live.'));
  }
}
