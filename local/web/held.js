// What waits for the room's moderators: danmu that the operator's review has held. They are told when the list is another.

import { path } from './api.js';
import { $, attempt, el } from './dom.js';

export class Held {
  #asked = 0; // answers that were overtaken are not drawn

  /** parts: session, toasts, rights, socket. */
  constructor(parts) {
    Object.assign(this, parts);
    this.socket.addEventListener('message', ({ detail }) => { if (['held', 'welcome'].includes(detail.type)) this.#look(); });
    this.rights.addEventListener('change', () => this.#look());
  }

  async #look() {
    const asked = ++this.#asked;
    const { room, mayModerate } = this.rights;
    let items = [];
    try {
      if (mayModerate) ({ items } = await this.session.call('GET', path.held(room)));
    } catch (err) {
      this.toasts.error(err);
    }
    if (asked === this.#asked) this.#draw(room, items);
  }

  #draw(room, items) {
    const { dataset } = $('room-settings-open');
    if (items.length) dataset.waiting = items.length;
    else delete dataset.waiting;
    $('held').replaceChildren(...items.map((one) => el('li', { class: 'person held' },
      el('span', { class: 'name' }, one.nickname, el('small', {}, ` ${one.content}`)),
      this.#button('Show', 'POST', path.heldMessage(room, one.message_id, one.user_id, '/release')),
      this.#button('Refuse', 'DELETE', path.heldMessage(room, one.message_id, one.user_id)))));
    if (!items.length) $('held').append(el('li', { class: 'empty' }, 'Nothing.'));
  }

  #button(text, method, url) {
    return el('button', { type: 'button', class: 'link', onclick: () => attempt($('room-settings-form'), $('room-settings-error'), async () => {
      try {
        await this.session.call(method, url);
      } finally {
        await this.#look(); // another moderator may have been faster
      }
    }) }, text);
  }
}
