// What moderators can do with a message: a menu on it, by right click, a long press, or the keyboard's menu key.

import { path } from './api.js';
import { $, el } from './dom.js';

const longPressMs = 550;

export class Moderation {
  #press = 0;
  #target = null; // {id, userID, name}

  /** parts: list (of messages), session, toasts, rights: {mayModerate, mayAppoint} for the room now on the screen. */
  constructor(parts) {
    Object.assign(this, parts);
    this.menu = $('message-menu');
    this.list.addEventListener('contextmenu', (event) => { if (this.#open(event.target, event.clientX, event.clientY)) event.preventDefault(); });
    this.list.addEventListener('pointerdown', (event) => {
      if (event.pointerType !== 'touch') return;
      clearTimeout(this.#press);
      this.#press = setTimeout(() => this.#open(event.target, event.clientX, event.clientY), longPressMs);
    });
    for (const end of ['pointerup', 'pointercancel', 'pointermove']) this.list.addEventListener(end, () => clearTimeout(this.#press), { passive: true });
    this.menu.addEventListener('keydown', (event) => this.#key(event));
    // Not the browser's own light dismissal: that would take the finger's lift, after a long press, for a click elsewhere.
    document.addEventListener('pointerdown', ({ target }) => { if (!this.menu.contains(target)) this.#close(); });
    this.list.addEventListener('scroll', () => clearTimeout(this.#press), { passive: true });
  }

  #open(node, x, y) {
    const row = node.closest?.('.row');
    if (!row || !this.rights.mayModerate || row.dataset.key.startsWith('mine:')) return false;
    const { id, user, name } = row.dataset;
    this.#target = { id, userID: Number(user), name };
    const others = this.#target.userID !== this.session.user?.id;
    this.menu.replaceChildren(
      el('p', { class: 'menu-who' }, name),
      this.#item('Delete message', (room, { id: message, userID }) => ['DELETE', path.message(room, message, userID)], 'The message is deleted.'),
      ...(others ? this.#sanctions() : []),
    );
    this.#close();
    this.menu.showPopover();
    const { offsetWidth: width, offsetHeight: height } = this.menu;
    this.menu.style.left = `${Math.max(8, Math.min(x, innerWidth - width - 8))}px`;
    this.menu.style.top = `${Math.max(8, Math.min(y, innerHeight - height - 8))}px`;
    this.menu.querySelector('button').focus();
    return true;
  }

  #close() { if (this.menu.matches(':popover-open')) this.menu.hidePopover(); }

  #sanctions() {
    const { name } = this.#target;
    const list = [
      this.#item('Mute for 10 minutes', (room, { userID }) => ['PUT', path.mute(room, userID), { seconds: 600 }], `${name} is muted for 10 minutes.`),
      this.#item('Kick', (room, { userID }) => ['POST', path.kick(room, userID)], `${name} was sent out.`),
      this.#item('Ban for a day', (room, { userID }) => ['PUT', path.ban(room, userID), { seconds: 86_400 }], `${name} is banned for a day.`),
      this.#item('Ban for good', (room, { userID }) => ['PUT', path.ban(room, userID), { seconds: 0 }], `${name} is banned.`),
    ];
    if (this.rights.mayAppoint) list.push(this.#item('Make a moderator', (room, { userID }) => ['PUT', path.moderator(room, userID)], `${name} is a moderator now.`));
    return list;
  }

  /** call(room, target) returns [method, path, body]. */
  #item(text, call, done) {
    return el('button', { type: 'button', role: 'menuitem', onclick: async () => {
      const target = this.#target;
      this.#close();
      try {
        await this.session.call(...call(this.rights.room, target));
        this.toasts.show(done, { kind: 'good' });
      } catch (err) {
        this.toasts.error(err);
      }
    } }, text);
  }

  #key(event) {
    if (event.key === 'Escape') {
      this.#close();
      this.list.focus();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [...this.menu.querySelectorAll('button')];
    all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
  }
}
