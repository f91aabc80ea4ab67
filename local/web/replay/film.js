// Brings a recording into the video element: files as they are, HLS by the browser itself or, where it can't, by hls.js,
// which is loaded only then.

const library = './hls/hls-1.7.4.light.min.mjs';
const metadataWithinMs = 20_000;
const late = 'The video’s server takes too long to answer.';
const endless = 'This address plays live video, which has no beginning to go back to.';
const farAway = 1e7; // seconds: behind the end of any recording

const isHLS = (url) => new URL(url, location.href).pathname.endsWith('.m3u8');

/** What is wrong with an address before anybody is asked, or ''. */
export function complaint(address) {
  if (!URL.canParse(address)) return 'That is no address: it begins with https://';
  const { protocol, hostname } = new URL(address);
  if (protocol === 'https:' || protocol === 'blob:') return '';
  if (protocol === 'http:' && ['localhost', '127.0.0.1'].includes(hostname)) return '';
  return protocol === 'http:' ? 'Videos are played over https only.' : 'That is no address of a video: it begins with https://';
}

export class Film {
  #hls = null;
  #left = new AbortController(); // of the video that is loaded
  #turn = 0;

  constructor(video) { this.video = video; }

  /** Answers when the video can be played and sought: whether it still is the one that is wanted. Rejects with a sentence that says why it can't. */
  async load(url) {
    this.unload();
    const turn = this.#turn;
    const wrong = complaint(url);
    if (wrong) throw new Error(wrong);
    const waits = this.#metadata();
    waits.catch(() => {}); // until it is waited for
    if (isHLS(url) && !this.video.canPlayType('application/vnd.apple.mpegurl')) await this.#attach(url, turn);
    else this.video.src = url;
    await waits;
    if (turn === this.#turn && !Number.isFinite(this.video.duration)) await (this.#hls ? this.#hears('durationchange', late) : this.#measure());
    if (turn === this.#turn && !this.video.duration) throw new Error('This video has no length.');
    return turn === this.#turn;
  }

  unload() {
    this.#turn++;
    this.#left.abort();
    this.#left = new AbortController();
    this.#hls?.destroy();
    this.#hls = null;
    this.video.pause();
    this.video.removeAttribute('src');
    this.video.load();
  }

  #metadata() {
    return this.#hears('loadedmetadata', late);
  }

  // Recorders that run in browsers don't write how long a file is; who looks at its end knows.
  async #measure() {
    const known = this.#hears('durationchange', endless);
    this.video.currentTime = farAway;
    await known;
    if (!Number.isFinite(this.video.duration)) throw new Error(endless);
    const back = this.#hears('seeked', 'This video can’t be wound back.');
    this.video.currentTime = 0;
    await back;
  }

  #hears(event, otherwise) {
    return new Promise((resolve, reject) => {
      const done = new AbortController();
      const settle = (how, what) => {
        done.abort();
        clearTimeout(timer);
        how(what);
      };
      const timer = setTimeout(() => settle(reject, new Error(otherwise)), metadataWithinMs);
      this.video.addEventListener(event, () => settle(resolve), { signal: done.signal });
      this.video.addEventListener('error', () => settle(reject, new Error(reason(this.video.error))), { signal: done.signal });
      this.video.addEventListener('broken', ({ detail }) => settle(reject, detail), { signal: done.signal });
      this.#left.signal.addEventListener('abort', () => settle(resolve), { signal: done.signal }); // another one was chosen
    });
  }

  async #attach(url, turn) {
    const Hls = await hls();
    if (turn !== this.#turn) return;
    if (!Hls.isSupported()) throw new Error('This browser can’t play HLS.');
    // The page's policy allows no workers made of text; without one the player works on the page's own thread.
    this.#hls = new Hls({ enableWorker: false });
    const breaks = (why) => this.video.dispatchEvent(new CustomEvent('broken', { detail: new Error(why) }));
    this.#hls.on(Hls.Events.ERROR, (_event, data) => { if (data.fatal) breaks(hlsReason(data)); });
    this.#hls.once(Hls.Events.LEVEL_LOADED, (_event, { details }) => { if (details.live) breaks(endless); });
    this.#hls.loadSource(url);
    this.#hls.attachMedia(this.video);
  }
}

function reason(error) {
  switch (error?.code) {
    case MediaError.MEDIA_ERR_NETWORK: return 'The video’s server broke off.';
    case MediaError.MEDIA_ERR_DECODE: return 'The video is damaged, or of a kind that this browser doesn’t know.';
    default: return 'There is no video at that address that this browser can play.';
  }
}

function hlsReason({ type, response, details }) {
  if (type !== 'networkError') return 'The video is damaged, or of a kind that this browser doesn’t know.';
  if (details === 'manifestParsingError') return 'What lies at that address is no HLS playlist.';
  if (response?.code) return `The video’s server answered ${response.code}.`;
  return 'The video’s server can’t be reached, or doesn’t let this page read it (CORS).';
}

async function hls() {
  try {
    return (await import(library)).default;
  } catch {
    throw new Error('The player for HLS can’t be loaded.');
  }
}
