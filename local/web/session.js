// Who is logged in on this tab. Tokens live in sessionStorage, so two tabs can be two users, and a closed tab forgets.

import { ApiError, path, request } from './api.js';

const storageKey = 'barrage.session';
const renewBeforeMs = 60_000; // long enough for a few tries before the token ends
const usableMs = 10_000;

/** Events: 'change' (logged in or out), 'profile' (our account has changed), 'renewed' (a new access token for the same user), 'lost' (the session ended by itself). */
export class Session extends EventTarget {
  #state = null; // {access, refresh, expiresAt, user}
  #timer = 0;
  #renewing = null;

  constructor(storage = sessionStorage) {
    super();
    this.storage = storage;
    try {
      this.#state = JSON.parse(storage.getItem(storageKey));
    } catch {
      storage.removeItem(storageKey);
    }
    this.#plan();
  }

  get user() { return this.#state?.user ?? null; }

  async login(username, password) {
    this.#keep(await request('POST', path.login, { body: { username, password } }));
    this.dispatchEvent(new Event('change'));
  }

  async register(username, password, nickname) {
    const body = { username, password };
    if (nickname) body.nickname = nickname;
    await request('POST', path.register, { body });
    await this.login(username, password);
  }

  /** Takes over what the server says of our account now. */
  keepUser(user) {
    if (!this.#state || this.#state.user.id !== user.id) return;
    this.#state.user = user;
    this.storage.setItem(storageKey, JSON.stringify(this.#state));
    this.dispatchEvent(new Event('profile'));
  }

  async logout() {
    const refresh = this.#state?.refresh;
    this.#forget();
    this.dispatchEvent(new Event('change'));
    if (refresh) await request('POST', path.logout, { body: { refresh_token: refresh } });
  }

  /** The access token, renewed first when it is about to end; null for a guest. */
  async token() {
    if (!this.#state) return null;
    if (this.#state.expiresAt - Date.now() < usableMs) await this.renew();
    return this.#state?.access ?? null;
  }

  /** Gets a new pair of tokens. Callers at the same time share one call: a refresh token can be spent only once. */
  renew() {
    this.#renewing ??= this.#renew().finally(() => { this.#renewing = null; });
    return this.#renewing;
  }

  /** Calls the API as this user, or as nobody. */
  async call(method, url, body) {
    const token = await this.token();
    try {
      return await request(method, url, { body, token });
    } catch (err) {
      if (err.status !== 401 || !token) throw err;
      await this.renew();
      return request(method, url, { body, token: await this.token() });
    }
  }

  async #renew() {
    const before = this.#state;
    if (!before) return;
    try {
      const pair = await request('POST', path.refresh, { body: { refresh_token: before.refresh } });
      if (this.#state !== before) return; // logged out, or in as another user, meanwhile
      this.#keep({ user: before.user, ...pair });
      this.dispatchEvent(new Event('renewed'));
    } catch (err) {
      if (this.#state !== before) return;
      const refused = err instanceof ApiError && err.status >= 400 && err.status < 500 && err.status !== 429;
      if (!refused) {
        this.#plan(5_000);
        throw err;
      }
      this.#forget();
      this.dispatchEvent(new Event('lost'));
      this.dispatchEvent(new Event('change'));
    }
  }

  #keep(answer) {
    this.#state = {
      access: answer.access_token,
      refresh: answer.refresh_token,
      expiresAt: Date.now() + answer.expires_in * 1000,
      user: answer.user ?? this.#state?.user,
    };
    this.storage.setItem(storageKey, JSON.stringify(this.#state));
    this.#plan();
  }

  #forget() {
    this.#state = null;
    this.storage.removeItem(storageKey);
    clearTimeout(this.#timer);
  }

  #plan(delay) {
    clearTimeout(this.#timer);
    if (!this.#state) return;
    const left = this.#state.expiresAt - Date.now();
    // A token that lives less than two minutes is renewed at half its life.
    const wait = delay ?? Math.max(0, left - Math.min(renewBeforeMs, left / 2));
    this.#timer = setTimeout(() => this.renew().catch(() => {}), wait); // a failed try has planned the next one itself
  }
}
