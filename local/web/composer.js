// The box in which a danmu is written, with its colour, place and size.

import { $, el } from './dom.js';
import { length } from './format.js';
import { popup } from './popup.js';

const maxLength = 100;
const colors = ['#ffffff', '#ff5f8f', '#ff9f43', '#ffe066', '#69f0ae', '#4dd0ff', '#b48bff', '#ff7af5'];
const modes = { scroll: 'Fly', top: 'Top', bottom: 'Bottom' };
const sizes = { small: 'Small', medium: 'Medium', large: 'Large' };
const storageKey = 'barrage.style';

export class Composer {
  #ready = false;
  #pausedUntil = 0;
  #timer = 0;

  /** onSend(text, style) returns whether it was taken. */
  constructor({ onSend }) {
    this.text = $('composer-text');
    this.send = $('send');
    this.style = { color: '#ffffff', mode: 'scroll', size: 'medium', ...this.#remembered() };
    $('composer').addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.text.value.trim();
      if (this.#ready && text && length(text) <= maxLength && !this.#paused && onSend(text, { ...this.style })) this.text.value = '';
      this.#draw();
    });
    this.text.addEventListener('input', () => this.#draw());
    this.#buildPanel();
    this.#draw();
  }

  /** ready false: hint says why nothing can be sent. */
  allow(ready, hint) {
    this.#ready = ready;
    this.text.placeholder = ready ? 'Say something' : hint;
    this.#draw();
  }

  /** The server asked to wait: the button counts down. */
  pause(ms) {
    this.#pausedUntil = Math.max(this.#pausedUntil, Date.now() + ms);
    this.#draw();
  }

  get #paused() { return Date.now() < this.#pausedUntil; }

  #draw() {
    const used = length(this.text.value);
    const left = maxLength - used;
    this.text.disabled = !this.#ready;
    this.text.setAttribute('aria-invalid', String(left < 0));
    $('composer-left').textContent = left < 20 ? String(left) : '';
    $('composer-left').classList.toggle('over', left < 0);
    this.send.disabled = !this.#ready || !this.text.value.trim() || left < 0 || this.#paused;
    const seconds = Math.ceil((this.#pausedUntil - Date.now()) / 1000);
    this.send.textContent = seconds > 0 ? `${seconds} s` : 'Send';
    clearTimeout(this.#timer);
    if (seconds > 0) this.#timer = setTimeout(() => this.#draw(), 250);
    $('swatch').style.background = this.style.color;
  }

  #buildPanel() {
    $('colors').append(...colors.map((color) => {
      const input = el('input', { type: 'radio', name: 'color', value: color, 'aria-label': color });
      input.style.setProperty('--color', color);
      return input;
    }));
    const choice = (name, texts) => Object.entries(texts).map(([value, text]) => el('label', {}, el('input', { type: 'radio', name, value }), el('span', {}, text)));
    $('modes').append(...choice('mode', modes));
    $('sizes').append(...choice('size', sizes));
    const panel = $('style-panel');
    for (const input of panel.querySelectorAll('input')) input.checked = this.style[input.name] === input.value;
    panel.addEventListener('change', ({ target }) => {
      this.style[target.name] = target.value;
      localStorage.setItem(storageKey, JSON.stringify(this.style));
      this.#draw();
    });
    popup($('style-toggle'), panel);
  }

  #remembered() {
    let style = {};
    try {
      style = JSON.parse(localStorage.getItem(storageKey)) ?? {};
    } catch {
      localStorage.removeItem(storageKey);
    }
    const known = { color: colors.includes(style.color), mode: style.mode in modes, size: style.size in sizes };
    return Object.fromEntries(Object.entries(style).filter(([name]) => known[name]));
  }
}
