// Shows the room's video when it has one this browser can play, and the drawn concert otherwise.

export class Player {
  constructor(video, backdrop) {
    this.video = video;
    this.backdrop = backdrop;
    video.addEventListener('error', () => this.#draw());
    video.addEventListener('playing', () => {
      video.hidden = false;
      backdrop.stop();
    });
  }

  show(playbackURL) {
    if (playbackURL === this.url) return;
    this.url = playbackURL;
    this.video.removeAttribute('src');
    this.#draw();
    if (!playbackURL || !URL.canParse(playbackURL)) return;
    const hls = new URL(playbackURL).pathname.endsWith('.m3u8');
    if (hls && !this.video.canPlayType('application/vnd.apple.mpegurl')) return;
    this.video.src = playbackURL;
    this.video.play().catch(() => this.#draw()); // refused by the browser: the concert goes on
  }

  #draw() {
    this.video.hidden = true;
    this.backdrop.start();
  }
}
