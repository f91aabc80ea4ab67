// The list of a room's recorded sessions, newest first.

import { path, request } from '../api.js';
import { el } from '../dom.js';
import { stamp } from './scrubber.js';

const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** '24 Nov 2026, 21:40' of a session, and how long it was. */
export const when = ({ started_at: started }) => date.format(new Date(started));
export const lengthOf = ({ started_at: started, ended_at: ended }) => (ended ? Date.parse(ended) - Date.parse(started) : 0);

export class Sessions {
  #cursor = '';
  #room = 0;
  #chosen = '';

  /** onChoose(session) is called when a person picks one. */
  constructor({ list, more, onChoose }) {
    Object.assign(this, { list, more, onChoose });
    more.addEventListener('click', () => this.#page(this.#cursor).catch(() => { more.disabled = false; })); // the button stays, to try again
  }

  /** Returns the newest sessions of the room. Those of the same room stay in the list until they are there. */
  async load(room) {
    if (room !== this.#room) this.list.replaceChildren();
    this.#room = room;
    return this.#page('');
  }

  choose(session) {
    this.#chosen = session;
    for (const row of this.list.children) this.#mark(row.firstElementChild);
  }

  // The page behind the cursor; the first one takes the place of what was listed.
  async #page(after) {
    this.more.disabled = true;
    const room = this.#room;
    const { items, next_cursor: cursor } = await request('GET', path.sessions(room, after));
    if (room !== this.#room) return [];
    this.#cursor = cursor;
    const rows = items.map((one) => el('li', {}, this.#row(one)));
    if (after) this.list.append(...rows);
    else this.#replace(rows);
    this.more.hidden = !cursor;
    this.more.disabled = false;
    return items;
  }

  // Who has just picked a session with the keyboard stays on it.
  #replace(rows) {
    const focused = this.list.contains(document.activeElement) && document.activeElement.dataset.session;
    this.list.replaceChildren(...rows);
    if (focused) rows.map((row) => row.firstElementChild).find((row) => row.dataset.session === focused)?.focus();
  }

  #row(one) {
    const length = one.ended_at ? el('span', { class: 'length' }, stamp(lengthOf(one))) : el('span', { class: 'length live' }, 'live');
    const row = el('button', { class: 'session', type: 'button', data: { session: one.session }, onclick: () => this.onChoose(one) },
      el('b', {}, one.title), el('small', {}, when(one)), length);
    this.#mark(row);
    return row;
  }

  #mark(row) {
    if (row.dataset.session === this.#chosen) row.setAttribute('aria-current', 'true');
    else row.removeAttribute('aria-current');
  }
}
