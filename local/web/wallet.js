// Our coins, and what gifts to our rooms have earned us.

import { path } from './api.js';
import { $ } from './dom.js';
import { coins } from './format.js';

const gatherMs = 400; // many gifts at once are one call

/** Event: 'change'. balance and income are undefined while nobody is logged in, or as long as they are not known. */
export class Wallet extends EventTarget {
  #timer = 0;

  /** demoCoins is where the demo gives coins away; empty: nowhere. */
  constructor({ session, toasts, demoCoins }) {
    super();
    Object.assign(this, { session, toasts });
    $('get-coins').addEventListener('click', () => this.#fill(demoCoins));
    const follow = () => {
      this.#keep({});
      $('get-coins').hidden = !(demoCoins && session.user);
      this.refresh();
    };
    session.addEventListener('change', follow);
    follow();
  }

  /** The balance as a result of ours told it. */
  set(balance) { if (Number.isFinite(balance)) this.#keep({ ...this, balance }); }

  /** Something changed: looks soon, once for many. */
  soon() { this.#timer ||= setTimeout(() => this.refresh(), gatherMs); }

  async refresh() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const { user } = this.session;
    if (!user) return;
    try {
      const wallet = await this.session.call('GET', path.wallet);
      if (user === this.session.user) this.#keep(wallet);
    } catch {
      // The last known numbers stay; the next change looks again.
    }
  }

  async #fill(url) {
    try {
      this.set((await this.session.call('POST', url)).balance);
      this.toasts.show('Your wallet is full again.', { kind: 'good' });
    } catch (err) {
      this.toasts.error(err);
    }
  }

  #keep({ balance, income }) {
    Object.assign(this, { balance, income });
    $('income-coins').textContent = coins(income);
    this.dispatchEvent(new Event('change'));
  }
}
