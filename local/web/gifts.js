// The gift panel: what can be given and for how much, our coins, and the button that counts a combo up.

import { path } from './api.js';
import { $, el, icon, picture } from './dom.js';
import { coins, count } from './format.js';
import { Orders } from './orders.js';
import { popup } from './popup.js';

const comboMs = 10_000; // the server's window: a later gift begins a new combo
const unknownIcon = '🎁';

const words = {
  insufficient_balance: (gift) => `Not enough coins for ${gift}.`,
  unknown_gift: (gift) => `${gift} is not given any more.`,
  room_not_live: () => 'The room is not live: you keep your coins.',
  bad_count: () => 'That many at once can’t be given.',
  unknown: (gift) => `No answer about ${gift} yet; your balance will tell.`,
};

export class Gifts {
  #catalogue = new Map();
  #chosen = null;
  #many = 1;
  #combo = 0; // given in one go, as far as we know
  #timer = 0;

  /** parts: socket, session, toasts, wallet, and onGuest for somebody who is not logged in and wants to give. */
  constructor(parts) {
    Object.assign(this, parts);
    this.orders = new Orders({ send: (message) => this.socket.send(message), onEnd: (order, result) => this.#ended(order, result) });
    this.button = $('gift-send');
    this.button.addEventListener('click', () => this.#give());
    $('gift-panel').addEventListener('change', ({ target }) => this.#choose(target));
    popup($('gift-toggle'), $('gift-panel'), { onOpen: () => this.wallet.refresh() });
    this.wallet.addEventListener('change', () => this.#draw());
    this.session.addEventListener('change', () => this.clear());
    setInterval(() => this.orders.look(), 1_000);
    this.#draw();
  }

  async load() {
    try {
      const { items } = await this.session.call('GET', path.gifts);
      this.#catalogue = new Map(items.map((gift) => [gift.id, gift]));
      $('gift-list').replaceChildren(...items.map(tile));
      this.#chosen = items[0];
      const first = $('gift-list').querySelector('input');
      if (first) first.checked = true;
    } catch (err) {
      $('gift-list').replaceChildren(el('p', { class: 'empty' }, err.message));
    }
    this.#draw();
  }

  iconOf(giftID) { return this.#catalogue.get(giftID)?.icon || unknownIcon; }

  allow(ready) {
    this.ready = ready;
    this.#draw();
  }

  /** Another room, or another user: what is on its way is still settled, but its result is not heard here. */
  clear() {
    this.orders.clear();
    this.#endCombo();
  }

  /** A gift_result; one that belongs to another tab of ours has changed our coins all the same. */
  result(message) { if (!this.orders.result(message) && message.data?.status !== 'pending') this.wallet.soon(); }

  #choose({ name, value }) {
    if (name === 'gift') this.#chosen = this.#catalogue.get(Number(value));
    else this.#many = Number(value);
    this.#endCombo();
  }

  #give() {
    if (!this.session.user) {
      this.onGuest();
      return;
    }
    if (this.orders.full) {
      this.toasts.show('Your last gifts are still on their way.', { kind: 'bad' });
      return;
    }
    this.orders.give(this.#chosen, this.#many);
    this.#combo += this.#many;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#endCombo(), comboMs);
    this.#draw();
    this.button.querySelector('.fuse').animate({ transform: ['scaleX(1)', 'scaleX(0)'] }, { duration: comboMs, fill: 'forwards' });
    this.button.animate({ transform: ['scale(.94)', 'scale(1.04)', 'scale(1)'] }, 160);
  }

  #ended({ gift, count: many }, { status, code, message, balance }) {
    this.wallet.set(balance);
    if (this.orders.idle) this.wallet.soon(); // an answer that was asked for again may tell an older balance
    if (status !== 'settled') {
      this.#combo = Math.max(0, this.#combo - many);
      this.toasts.show(words[code ?? status]?.(gift.name) ?? message ?? code, { kind: 'bad' });
    }
    this.#draw();
  }

  #endCombo() {
    clearTimeout(this.#timer);
    this.#combo = 0;
    this.#draw();
  }

  #draw() {
    const { user } = this.session;
    const left = (this.wallet.balance ?? 0) - this.orders.cost;
    $('balance').textContent = user ? coins(Math.max(0, left)) : '–';
    for (const node of $('gift-list').querySelectorAll('.gift-tile')) node.classList.toggle('dear', Boolean(user) && Number(node.dataset.price) > left);
    this.button.disabled = !this.ready || !this.#chosen;
    this.button.classList.toggle('combo', this.#combo > 0);
    const cost = this.#chosen ? coins(this.#chosen.price * this.#many) : '';
    const text = this.#combo > 0 ? [el('b', { class: 'times' }, `×${count(this.#combo)}`), 'Again'] : [user ? 'Send' : 'Log in to give'];
    const fuse = this.button.querySelector('.fuse') ?? el('i', { class: 'fuse', 'aria-hidden': 'true' });
    this.button.replaceChildren(...text, ...(user && cost ? [el('span', { class: 'price' }, icon('coin'), cost)] : []), fuse);
  }
}

function tile(gift) {
  return el('label', { class: 'gift-tile', data: { gift: gift.id, price: gift.price }, title: gift.name },
    el('input', { type: 'radio', name: 'gift', value: gift.id }), picture(gift.icon || unknownIcon),
    el('span', { class: 'gift-name' }, gift.name), el('span', { class: 'price' }, icon('coin'), coins(gift.price)));
}
