// The replay's entry: #room=3&session=ID&t=SECONDS&video=ADDRESS&shift=SECONDS says what is played over which video.

import { lines, path, request } from '../api.js';
import { Chat } from '../chat.js';
import { $, attempt, el } from '../dom.js';
import { Effects } from '../effects.js';
import { GiftShow } from '../giftshow.js';
import { Stage } from '../stage.js';
import { tabs } from '../tabs.js';
import { Toasts } from '../toast.js';
import { Clock, VideoClock } from './clocks.js';
import { Controls } from './controls.js';
import { Face } from './face.js';
import { Film } from './film.js';
import { Playback } from './playback.js';
import { Sessions, lengthOf, when } from './sessions.js';
import { stamp } from './scrubber.js';

const live = 1;
const againMs = 2_000;
const barsMost = 240;
const noVideo = 'none';

const isFresh = (room) => room.status === live || Date.now() - Date.parse(room.ended_at ?? '') < 60_000;

class Replay {
  #room = null;
  #session = null;
  #timer = 0;
  #turn = 0; // of what the address names; what belongs to another one is dropped
  #icons = new Map();

  constructor() {
    this.clock = new Clock();
    this.film = new Film($('video'));
    this.videoClock = new VideoClock($('video'));
    this.face = new Face($('face'));
    this.toasts = new Toasts($('toasts'));
    this.playback = new Playback({
      fetch: ({ address, from }) => lines(address ?? path.replay(this.#room.id, this.#session.session, from)),
      onState: ({ err }) => this.#tapeSays(err), onFrame: (frame) => this.#frame(frame), onChange: () => {},
      chat: new Chat($('messages'), $('newer'), { onRetry: () => {} }), giftShow: new GiftShow({ root: $('tributes'), effects: new Effects($('effects')) }),
      iconOf: (id) => this.#icons.get(id) ?? '🎁',
    });
    const stage = new Stage($('flight'), { now: () => this.playback.ms, onResize: () => this.playback.refill() });
    this.playback.stage = stage;
    this.playback.use(this.clock);
    this.controls = new Controls({ playback: this.playback, stage, video: $('video'), onRefused: (err) => this.toasts.error(err) });
    this.sessions = new Sessions({ list: $('sessions'), more: $('more-sessions'), onChoose: (one) => this.#choose(one) });
    for (const event of ['error', 'broken']) $('video').addEventListener(event, ({ detail }) => this.#videoBroke(detail));
    this.#videoDialog();
    addEventListener('hashchange', () => this.open());
  }

  async open() {
    const turn = ++this.#turn;
    clearTimeout(this.#timer);
    const address = new URLSearchParams(location.hash.slice(1));
    const id = Number(address.get('room')) || 1;
    $('to-room').href = `/#room=${id}`;
    this.#cover('');
    try {
      const gifts = await request('GET', path.gifts).catch(() => ({ items: [] })); // they have an icon all the same
      this.#icons = new Map(gifts.items.map((gift) => [gift.id, gift.icon]));
      const room = await request('GET', path.room(id));
      if (turn !== this.#turn) return;
      this.#room = room;
      const [newest] = await this.sessions.load(id);
      const session = address.has('session') ? await request('GET', path.session(id, address.get('session'))) : newest;
      if (turn !== this.#turn) return;
      // The archive writes some seconds after the room: who has just seen it end waits for that session, not for an older one.
      const awaited = !address.has('session') && Date.parse(room.started_at) > Number(newest?.session ?? 0) && isFresh(room);
      if (session && !awaited) await this.#play(session, address, turn);
      else this.#nothing(room);
    } catch (err) {
      if (turn === this.#turn) this.#failed(err);
    }
  }

  async #play(session, address, turn) {
    this.#show(session);
    this.playback.shiftBy((Number(address.get('shift')) || 0) * 1000);
    $('shift').value = this.playback.shift / 1000;
    this.playback.use(this.clock);
    this.clock.pause();
    this.playback.open(session, { ended: Boolean(session.ended_at) });
    this.clock.seek((Number(address.get('t')) || 0) * 1000);
    this.playback.refill();
    const video = address.get('video') ?? this.#room.playback_url ?? '';
    $('room-video').hidden = !this.#room.playback_url;
    this.#density(turn);
    if (video && video !== noVideo) await this.#watch(video, turn).catch((err) => { if (turn === this.#turn) this.#notice(`${err.message} The clock stands in for it.`); });
    else this.#unwatch();
  }

  // What is known of the session, again and again while it goes on.
  #show(session) {
    this.#session = session;
    const length = lengthOf(session) || Math.max(0, Date.now() - Date.parse(session.started_at));
    this.clock.length = length;
    document.title = `${session.title} · Replay · Barrage`;
    $('title').textContent = session.title;
    $('about').textContent = [`Room ${this.#room.id}`, when(session), session.ended_at && stamp(length)].filter(Boolean).join(' · ');
    this.sessions.choose(session.session);
    clearTimeout(this.#timer);
    if (session.ended_at) {
      this.#status('', '');
      return;
    }
    const over = this.#room.status !== live;
    this.#status(over ? 'idle' : 'live', over ? 'The end of this session is being written …' : 'Still live: you see what was said until now');
    this.#timer = setTimeout(() => this.#lookAgain(), againMs);
  }

  async #lookAgain() {
    const turn = this.#turn;
    try {
      const [session, room] = await Promise.all([request('GET', path.session(this.#room.id, this.#session.session)), request('GET', path.room(this.#room.id))]);
      if (turn !== this.#turn) return;
      this.#room = room;
      this.#show(session);
      if (session.ended_at) {
        this.playback.tape.end();
        this.sessions.load(room.id).catch((err) => this.toasts.error(err));
        this.#density(turn);
      }
    } catch (err) {
      if (turn !== this.#turn) return;
      this.#status('bad', err.message);
      this.#timer = setTimeout(() => this.#lookAgain(), againMs);
    }
  }

  // The line of how much was said when is a help, not more: without it the session is played all the same.
  async #density(turn) {
    const length = this.clock.length;
    const start = Date.parse(this.#session.started_at);
    const step = 60 * Math.max(1, Math.ceil(length / 60_000 / barsMost));
    const span = new URLSearchParams({ from: this.#session.started_at, to: new Date(start + length + 1_000).toISOString(), step });
    const points = await request('GET', `${path.timeline(this.#room.id)}?${span}`).then(({ items }) => items, () => []);
    if (turn !== this.#turn) return;
    const density = points.map((p) => {
      const from = Date.parse(p.t) - start;
      return { from: Math.max(0, from), to: Math.min(length, from + step * 1000), danmu: p.danmu };
    }).filter((p) => p.to > p.from);
    this.playback.density(density);
    this.controls.scrubber.density(density);
    this.face.density(density, length);
  }

  #choose({ session }) {
    const address = new URLSearchParams(location.hash.slice(1));
    address.set('room', this.#room.id);
    address.set('session', session);
    for (const name of ['t', 'video', 'shift']) address.delete(name); // they belong to the other one
    location.hash = address;
  }

  async #watch(url, turn = this.#turn) {
    this.#notice('');
    if (!(await this.film.load(url)) || turn !== this.#turn) return;
    $('video').hidden = false;
    this.playback.use(this.videoClock);
    this.controls.sound(true);
  }

  #unwatch() {
    this.playback.use(this.clock);
    this.film.unload();
    $('video').hidden = true;
    this.controls.sound(false);
  }

  #videoBroke(err) {
    if (this.playback.clock !== this.videoClock) return; // who loads it tells
    this.#unwatch();
    this.#notice(`${err?.message ?? 'The video broke off.'} The clock stands in for it.`);
  }

  #videoDialog() {
    const [dialog, form, problem] = [$('video-dialog'), $('video-form'), $('video-error')];
    const { url } = form.elements;
    $('choose-video').addEventListener('click', () => {
      problem.textContent = '';
      url.value = new URLSearchParams(location.hash.slice(1)).get('video')?.replace(noVideo, '') ?? '';
      dialog.showModal();
    });
    dialog.addEventListener('click', ({ target }) => { if (target === dialog || target.closest('[data-close]')) dialog.close(); });
    const watch = (address, remember) => attempt(form, problem, async () => {
      await this.#watch(address).catch((err) => {
        this.#unwatch();
        throw err;
      });
      this.#remember('video', remember);
      dialog.close();
    });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      watch(url.value.trim(), url.value.trim());
    });
    $('video-file').addEventListener('change', ({ target }) => {
      const [file] = target.files;
      if (file) watch(URL.createObjectURL(file), ''); // nobody else has it: it is not in the address
    });
    $('room-video').addEventListener('click', () => watch(this.#room.playback_url, ''));
    $('no-video').addEventListener('click', () => {
      this.#unwatch();
      this.#notice('');
      this.#remember('video', noVideo);
      dialog.close();
    });
    $('shift').addEventListener('change', ({ target }) => {
      const seconds = Number(target.value) || 0;
      this.playback.shiftBy(seconds * 1000);
      this.#remember('shift', seconds || '');
    });
  }

  #remember(name, value) {
    const address = new URLSearchParams(location.hash.slice(1));
    if (value === '') address.delete(name);
    else address.set(name, value);
    history.replaceState(null, '', `#${address}`);
  }

  #frame({ ms, messages, loading }) {
    this.controls.show(loading);
    if (!$('video').hidden) return;
    this.face.pulse(messages);
    this.face.draw({ ms: this.clock.ms, length: this.clock.length, started: Date.parse(this.#session.started_at) + ms - this.clock.ms, playing: this.clock.playing });
  }

  #tapeSays(err) {
    if (err) this.#status('bad', err.status === 0 || err.status >= 500 ? `${err.message} Trying again …` : err.message);
    else if ($('status').dataset.state === 'bad') this.#show(this.#session);
  }

  // Nothing is recorded.
  #nothing(room) {
    const soon = isFresh(room);
    $('title').textContent = room.title;
    $('about').textContent = `Room ${room.id}`;
    this.#cover(soon ? 'Nothing of this session is recorded yet. It will be in a moment …' : 'Nothing of this room is recorded.', { href: $('to-room').href, text: 'To the room' });
    if (soon) this.#timer = setTimeout(() => this.open(), againMs);
  }

  #failed(err) {
    const rooms = { href: '/', text: 'To the rooms' };
    if (err.code === 'not_recorded') this.#cover('No such session is recorded. Choose another one of the list.', { href: `#room=${this.#room.id}`, text: 'The latest one' });
    else if (err.status === 404) this.#cover('There is no room with that number.', rooms);
    else if (err.status >= 400 && err.status < 500) this.#cover(err.message, rooms);
    else {
      this.#cover(`${err.message} Trying again …`);
      this.#timer = setTimeout(() => this.open(), againMs);
    }
  }

  #cover(text, link) {
    $('cover').hidden = !text;
    $('cover-text').textContent = text;
    $('cover-link').hidden = !link;
    if (!link) return;
    $('cover-link').href = link.href;
    $('cover-link').textContent = link.text;
  }

  #notice(text) {
    $('notice').hidden = !text;
    $('notice').textContent = text;
  }

  #status(state, text) {
    $('status').dataset.state = state;
    $('status').textContent = text;
  }
}

try {
  tabs(document.querySelector('[role=tablist]'), $('page'));
  await new Replay().open();
} catch (err) {
  document.body.prepend(el('p', { class: 'noscript', role: 'alert' }, `The page could not start: ${err.message}`));
}
