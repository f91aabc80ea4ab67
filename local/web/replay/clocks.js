// What tells the playhead where it is: a video, or a clock of its own where there is none. Both say 'change' whenever they
// start, stop, jump, or go at another speed.

/** A clock over a length. */
export class Clock extends EventTarget {
  #at = 0; // ms, when it was #since
  #since = 0;
  #rate = 1;
  #length = 0;
  #playing = false;
  #end = 0;

  get ms() {
    if (!this.#playing) return this.#at;
    return Math.min(this.#length, this.#at + (performance.now() - this.#since) * this.#rate);
  }

  get playing() { return this.#playing; }
  get moving() { return this.#playing; }
  get ended() { return !this.#playing && this.#at >= this.#length; }
  get length() { return this.#length; }
  set length(ms) { this.#set(() => { this.#length = ms; }); }
  get rate() { return this.#rate; }
  set rate(rate) { this.#set(() => { this.#rate = rate; }); }

  async play() { this.#set(() => { this.#playing = this.#at < this.#length; }); }
  pause() { this.#set(() => { this.#playing = false; }); }
  seek(ms) { this.#set(() => { this.#at = Math.max(0, Math.min(this.#length, ms)); }); }

  #set(change) {
    this.#at = this.ms;
    this.#since = performance.now();
    change();
    clearTimeout(this.#end);
    const left = (this.#length - this.#at) / this.#rate;
    if (this.#playing && left < 2 ** 31) this.#end = setTimeout(() => this.pause(), left);
    this.dispatchEvent(new Event('change'));
  }
}

const told = ['play', 'playing', 'pause', 'waiting', 'stalled', 'seeking', 'seeked', 'ended', 'ratechange', 'durationchange', 'canplay'];

/** The time of a video element. */
export class VideoClock extends EventTarget {
  constructor(video) {
    super();
    this.video = video;
    for (const name of told) video.addEventListener(name, () => this.dispatchEvent(new Event('change')));
  }

  get ms() { return this.video.currentTime * 1000; }
  get length() { return Number.isFinite(this.video.duration) ? this.video.duration * 1000 : 0; }
  get playing() { return !this.video.paused && !this.video.ended; }
  get moving() { return this.playing && !this.video.seeking && this.video.readyState > HTMLMediaElement.HAVE_CURRENT_DATA; }
  get ended() { return this.video.ended; }
  get rate() { return this.video.playbackRate; }
  set rate(rate) { this.video.playbackRate = this.video.defaultPlaybackRate = rate; }

  play() { return this.video.play(); }
  pause() { this.video.pause(); }
  seek(ms) { this.video.currentTime = Math.max(0, Math.min(this.length, ms)) / 1000; }
}
