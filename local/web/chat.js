// The list of messages: bounded, drawn once a frame, and it stays where the reader has scrolled to.

import { el, icon } from './dom.js';
import { hue, time } from './format.js';

const most = 250;
const mostCombos = 50;
const pinnedPx = 48;

/** Rows are known by a key of the caller's, unique for what the server has shown: ids of messages are unique per sender only. */
export class Chat {
  #rows = new Map(); // key → row
  #combos = new Map(); // sender and gift → the line that counts
  #incoming = [];
  #frame = 0;
  #unread = 0;
  #pinned = true;

  constructor(list, newer, { onRetry }) {
    Object.assign(this, { list, newer, onRetry });
    list.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    newer.addEventListener('click', () => this.#toEnd());
    new ResizeObserver(() => { if (this.#pinned) this.#toEnd(); }).observe(list);
  }

  clear() {
    this.list.replaceChildren();
    this.#rows.clear();
    this.#combos.clear();
    this.#incoming = [];
    this.#toEnd();
  }

  has(key) { return this.#rows.has(key); }

  /** message: {key, id, nickname, userID, text, badge, own, at}; stamp, if there is one, stands before it. */
  add(message) {
    const row = el('li', { class: message.own ? 'row own' : 'row', title: time(message.at), data: { key: message.key, id: message.id, user: message.userID, name: message.nickname } });
    const who = el('span', { class: 'who' }, message.nickname);
    who.style.setProperty('--hue', hue(message.userID));
    if (message.stamp) row.append(el('span', { class: 'stamp' }, message.stamp));
    if (message.badge) row.append(el('span', { class: `role ${message.badge}` }, message.badge));
    row.append(who, el('span', { class: 'text' }, message.text), el('span', { class: 'state' }));
    this.#rows.set(message.key, row);
    this.#push(row);
  }

  /** The row is known by another key from now on; when that one has a row already, this one was its double. */
  rename(key, to) {
    const row = this.#rows.get(key);
    if (!row || key === to) return;
    if (this.#rows.has(to)) {
      this.#remove(row);
      return;
    }
    this.#rows.delete(key);
    this.#rows.set(to, row);
    row.dataset.key = to;
  }

  /** state: pending | sent | unseen | held | failed; note is what went wrong. */
  mark(key, state, note = '') {
    const row = this.#rows.get(key);
    if (!row) return;
    row.dataset.state = state;
    const place = row.querySelector('.state');
    const shown = {
      pending: () => [el('i', { class: 'spinner', title: 'On its way' }), el('span', { class: 'sr' }, 'on its way')],
      sent: () => [icon('check'), el('span', { class: 'sr' }, 'sent')],
      unseen: () => [el('small', {}, 'kept, but the room was too busy to show it')],
      held: () => [el('small', {}, 'waits for a moderator')],
      failed: () => [el('small', {}, note), el('button', { type: 'button', class: 'link', onclick: () => this.onRetry(row.dataset.id) }, 'Send again')],
    }[state];
    place.replaceChildren(...(shown ? shown() : []));
  }

  /** Hides what was deleted: two senders may have chosen the same id. */
  remove(id, userID) {
    for (const row of [...this.#rows.values()]) if (row.dataset.id === id && (!userID || row.dataset.user === String(userID))) this.#remove(row);
  }

  /** A line between messages: what the room did, or what was missed. */
  note(text, kind = '') { this.#push(el('li', { class: `note ${kind}` }, text)); }

  /** A line about a gift; one that goes on with a combo takes the place of the last line of that combo. */
  gift(key, text, goesOn) {
    const last = goesOn && this.#combos.get(key);
    if (last) {
      last.textContent = text;
      return;
    }
    const row = el('li', { class: 'note gift' }, text);
    this.#combos.set(key, row);
    if (this.#combos.size > mostCombos) this.#combos.delete(this.#combos.keys().next().value);
    this.#push(row);
  }

  #remove(row) {
    this.#rows.delete(row.dataset.key);
    this.#incoming = this.#incoming.filter((waiting) => waiting !== row);
    row.remove();
  }

  #push(row) {
    this.#incoming.push(row);
    if (this.#incoming.length > most) this.#forget(this.#incoming.shift());
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    const fresh = this.#incoming.splice(0);
    this.list.append(...fresh);
    while (this.list.children.length > most) {
      this.#forget(this.list.firstElementChild);
      this.list.firstElementChild.remove();
    }
    if (this.#pinned || fresh.some((row) => row.classList.contains('own'))) this.#toEnd();
    else this.#tellUnread(this.#unread + fresh.length);
  }

  #forget(row) {
    if (this.#rows.get(row.dataset.key) === row) this.#rows.delete(row.dataset.key);
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.list;
    this.#pinned = scrollHeight - scrollTop - clientHeight < pinnedPx;
    if (this.#pinned) this.#tellUnread(0);
  }

  #toEnd() {
    this.#pinned = true;
    this.list.scrollTop = this.list.scrollHeight;
    this.#tellUnread(0);
  }

  #tellUnread(n) {
    this.#unread = n;
    this.newer.hidden = n === 0;
    this.newer.textContent = n === 1 ? '1 new message' : `${n} new messages`;
  }
}
