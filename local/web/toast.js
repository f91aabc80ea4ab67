// Short notices at the edge of the screen. The same text is not shown twice at once.

import { el, icon } from './dom.js';

const most = 4;

export class Toasts {
  constructor(root) { this.root = root; }

  show(text, { kind = 'info', ms = 5_000 } = {}) {
    for (const shown of this.root.children) if (shown.dataset.text === text) return;
    while (this.root.children.length >= most) this.root.firstElementChild.remove();
    const symbol = { info: 'info', good: 'check', bad: 'warn' }[kind];
    const toast = el('div', { class: `toast ${kind}`, data: { text } }, icon(symbol), el('span', {}, text));
    toast.addEventListener('click', () => toast.remove());
    this.root.append(toast);
    setTimeout(() => toast.remove(), ms);
  }

  error(err) { this.show(err.message || 'Something went wrong.', { kind: 'bad', ms: 7_000 }); }
}
