// The parts of the screen that tell about the room itself: title, state, online count, connection, the anchor's button.

import { $, icon } from './dom.js';
import { count, since } from './format.js';
import { path } from './api.js';

const live = 1;
const ended = 2;
const badges = { 0: 'Not started', 1: 'Live', 2: 'Ended' };
const lookEveryMs = 5_000;

export class Screen {
  #room = null;
  #look = 0;

  /** onLive runs when a room that was not live has started. */
  constructor({ session, player, toasts, onLive }) {
    Object.assign(this, { session, player, toasts, onLive });
    $('anchor-action').addEventListener('click', () => this.#startOrStop());
    $('cover-action').addEventListener('click', () => this.#startOrStop());
    session.addEventListener('change', () => this.#draw());
    setInterval(() => this.#draw(), 30_000); // "live for 5 min" grows
  }

  get anchorID() { return this.#room?.anchor_id; }
  get isLive() { return this.#room?.status === live; }

  /** Fetches the room and shows it; the error of a room that is not there is the caller's. */
  async load(id) {
    const room = await this.session.call('GET', path.room(id));
    this.room(room);
    return room;
  }

  room(room) {
    this.#room = room;
    this.player.show(room.playback_url);
    this.online(room.viewer_count);
    this.#draw();
  }

  /** A room message: started, stopped, or renamed. */
  changed({ data = {} }) {
    if (this.#room) this.room({ ...this.#room, ...(data.room ?? data) });
  }

  online(n) { if (Number.isFinite(n)) $('online').textContent = count(n); }

  connection({ state, text, ended }) {
    const node = $('connection');
    node.dataset.state = state;
    node.lastElementChild.textContent = { open: 'live', waiting: 'reconnecting', idle: 'offline', stopped: 'stopped' }[state] ?? text;
    node.title = text;
    this.#cover(state === 'stopped' ? text : '');
    clearInterval(this.#look);
    if (ended) this.#look = setInterval(() => this.#lookAgain(), lookEveryMs);
  }

  missing(text) {
    this.#room = null;
    $('room-title').textContent = 'No such room';
    $('room-about').textContent = '';
    $('room-badge').textContent = '–';
    $('anchor-action').hidden = true;
    $('income').hidden = true;
    $('replay').hidden = true;
    this.#cover(text);
  }

  /** Whether the room is ours. */
  get mayManage() {
    const { user } = this.session;
    return Boolean(user && this.#room && user.id === this.#room.anchor_id);
  }

  /** Whether the room was live and no longer is; what it said is recorded. */
  get #hasReplay() { return this.#room?.status === ended; }

  async #lookAgain() {
    if (document.hidden || !this.#room) return;
    try {
      const room = await this.load(this.#room.id);
      if (room.status === live) this.onLive();
    } catch {
      // The next look comes in a moment.
    }
  }

  async #startOrStop() {
    const room = this.#room;
    try {
      this.room(await this.session.call('POST', room.status === live ? path.stop(room.id) : path.start(room.id)));
      if (this.isLive) this.onLive();
    } catch (err) {
      this.toasts.error(err);
    }
  }

  #cover(text) {
    $('cover').hidden = !text;
    $('cover-text').textContent = text;
    $('cover-action').hidden = !(this.mayManage && !this.isLive);
    $('cover-action').textContent = 'Start the room';
    $('cover-replay').hidden = !this.#hasReplay;
  }

  #draw() {
    const room = this.#room;
    if (!room) return;
    document.title = `${room.title} · Barrage`;
    $('room-title').textContent = room.title;
    const ago = room.status === live ? since(room.started_at) : since(room.ended_at);
    $('room-about').textContent = [`Room ${room.id}`, ago && (room.status === live ? `live for ${ago}` : `ended ${ago} ago`)].filter(Boolean).join(' · ');
    const badge = $('room-badge');
    badge.textContent = badges[room.status] ?? '–';
    badge.classList.toggle('live', room.status === live);
    for (const id of ['replay', 'cover-replay']) {
      $(id).hidden = !this.#hasReplay;
      $(id).href = `/replay/#room=${room.id}`;
    }
    const action = $('anchor-action');
    action.hidden = !this.mayManage;
    $('income').hidden = !this.mayManage;
    action.replaceChildren(icon('broadcast'), room.status === live ? 'Stop' : 'Start');
  }
}
