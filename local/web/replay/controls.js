// The player's buttons and keys.

import { $, icon } from '../dom.js';
import { Scrubber, stamp } from './scrubber.js';

const stepMs = 5_000;
const typing = 'input:not([type=range]), textarea, select, dialog[open] *';

export class Controls {
  #shown = '';

  /** playback is steered; stage is what shows danmaku; onSaid(err) when the browser refuses to play. */
  constructor({ playback, stage, video, onRefused }) {
    Object.assign(this, { playback, stage, video, onRefused });
    this.scrubber = new Scrubber($('timeline'), { onSeek: (ms) => this.seek(ms) });
    for (const id of ['play', 'big-play']) $(id).addEventListener('click', () => this.toggle());
    $('stage').addEventListener('click', ({ target }) => { if (!target.closest('button, a')) this.toggle(); });
    $('speed').addEventListener('change', ({ target }) => { playback.clock.rate = Number(target.value); });
    $('toggle-danmu').addEventListener('click', () => this.#danmaku());
    $('opacity').addEventListener('input', ({ target }) => { stage.root.style.opacity = target.value / 100; });
    $('fullscreen').addEventListener('click', () => this.#fullscreen());
    $('mute').addEventListener('click', () => { video.muted = !video.muted; });
    $('volume').addEventListener('input', ({ target }) => this.#volume(Number(target.value)));
    video.addEventListener('volumechange', () => this.#drawSound());
    this.#volume(80);
    addEventListener('keydown', (event) => this.#key(event));
  }

  toggle() {
    const { clock } = this.playback;
    if (!clock || $('play').disabled) return;
    if (clock.playing) {
      clock.pause();
      return;
    }
    if (clock.ended) clock.seek(0);
    clock.play().catch((err) => { if (err.name !== 'AbortError') this.onRefused(err); }); // aborted: another one was chosen
  }

  seek(ms) {
    this.playback.clock.seek(ms);
    this.playback.refill();
  }

  /** Once a frame. */
  show(loading) {
    const { clock, shift } = this.playback;
    const { ms, length, playing } = clock;
    this.scrubber.show({ ms, length, shift });
    $('loading').hidden = !(loading || (playing && !clock.moving));
    const state = `${stamp(ms)} ${stamp(length)} ${playing} ${length > 0}`;
    if (state === this.#shown) return;
    this.#shown = state;
    $('now').textContent = stamp(ms);
    $('length').textContent = stamp(length);
    $('play').disabled = !length;
    $('play').replaceChildren(icon(playing ? 'pause' : 'play'));
    $('play').title = playing ? 'Pause (Space)' : 'Play (Space)';
    $('play').setAttribute('aria-label', playing ? 'Pause' : 'Play');
    $('big-play').hidden = playing || !length;
  }

  /** Whether there is something to hear. */
  sound(there) { $('sound').hidden = !there; }

  #danmaku() {
    const { stage } = this;
    stage.show(!stage.shown);
    if (stage.shown) this.playback.refill();
    $('toggle-danmu').setAttribute('aria-pressed', String(stage.shown));
  }

  #fullscreen() {
    const done = document.fullscreenElement ? document.exitFullscreen() : $('player').requestFullscreen();
    done.catch((err) => this.onRefused(err));
  }

  #volume(percent) {
    this.video.volume = Math.min(100, Math.max(0, percent)) / 100;
    if (percent > 0) this.video.muted = false;
    $('volume').value = Math.round(this.video.volume * 100);
  }

  #drawSound() {
    const silent = this.video.muted || this.video.volume === 0;
    $('mute').replaceChildren(icon(silent ? 'muted' : 'sound'));
    $('mute').setAttribute('aria-pressed', String(this.video.muted));
    $('mute').setAttribute('aria-label', silent ? 'Sound on' : 'Mute');
  }

  #key(event) {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest?.(typing) || document.querySelector('dialog[open]')) return;
    if (target.closest?.('[role=tablist]') && key.startsWith('Arrow')) return;
    if (key === ' ' && target.closest?.('button, a')) return; // it presses that one
    const { clock } = this.playback;
    const volume = (by) => this.#volume(Number($('volume').value) + by);
    const act = {
      ' ': () => this.toggle(),
      ArrowLeft: () => this.seek(clock.ms - stepMs),
      ArrowRight: () => this.seek(clock.ms + stepMs),
      ArrowUp: () => volume(10),
      ArrowDown: () => volume(-10),
      m: () => { this.video.muted = !this.video.muted; },
      d: () => this.#danmaku(),
      f: () => this.#fullscreen(),
    }[key];
    if (!act || !clock) return;
    if (['ArrowUp', 'ArrowDown'].includes(key) && ($('sound').hidden || target.closest?.('#messages, #panel-sessions'))) return; // they scroll
    event.preventDefault();
    act();
  }
}
