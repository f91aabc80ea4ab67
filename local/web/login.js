// The panel to log in, to make an account, or to be a demo user with one click.

import { $, el, face } from './dom.js';

export class Login {
  #registering = false;

  constructor(session, demoUsers) {
    this.session = session;
    this.dialog = $('login');
    this.form = $('login-form');
    $('login-switch').addEventListener('click', () => this.#mode(!this.#registering));
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      const { username, password, nickname } = Object.fromEntries(new FormData(this.form));
      this.#try(() => (this.#registering ? session.register(username, password, nickname.trim()) : session.login(username, password)));
    });
    $('demo').hidden = demoUsers.length === 0;
    $('demo-users').append(...demoUsers.map(({ username, password }) => this.#demoButton(username, password)));
  }

  open() {
    $('login-error').textContent = '';
    this.#mode(false);
    this.dialog.showModal();
  }

  #demoButton(username, password) {
    return el('button', { type: 'button', class: 'demo-user', data: { user: username }, onclick: () => this.#try(() => this.session.login(username, password)) }, face({ id: username, nickname: username }), username);
  }

  #mode(registering) {
    this.#registering = registering;
    $('nickname-field').hidden = !registering;
    $('login-submit').textContent = registering ? 'Make an account' : 'Log in';
    $('login-switch').textContent = registering ? 'I have an account' : 'New here? Make an account';
    this.form.elements.password.autocomplete = registering ? 'new-password' : 'current-password';
  }

  async #try(step) {
    const buttons = this.form.querySelectorAll('button');
    for (const button of buttons) button.disabled = true;
    try {
      await step();
      this.form.reset();
      this.dialog.close();
    } catch (err) {
      $('login-error').textContent = err.message;
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  }
}
