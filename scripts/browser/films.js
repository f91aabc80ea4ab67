// A few seconds of video that a browser films itself, as a file and as HLS, at addresses that no server has.

let made; // for all tests of a file

/** Films a canvas that counts. */
async function film(context) {
  const page = await context.newPage();
  const record = (type) => page.evaluate(async (mimeType) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 });
    const c = canvas.getContext('2d');
    let n = 0;
    const draw = () => {
      c.fillStyle = `hsl(${n * 3} 70% 45%)`;
      c.fillRect(0, 0, 320, 180);
      c.fillStyle = '#fff';
      c.font = '60px sans-serif';
      c.fillText(String(n++), 120, 110);
    };
    draw();
    const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType });
    const parts = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const stopped = new Promise((resolve) => { recorder.onstop = resolve; });
    recorder.start();
    const ticks = setInterval(draw, 40);
    await new Promise((resolve) => { setTimeout(resolve, 2_600); });
    clearInterval(ticks);
    recorder.stop();
    await stopped;
    return Array.from(new Uint8Array(await new Blob(parts).arrayBuffer()));
  }, type);
  const [webm, mp4] = await Promise.all([record('video/webm;codecs=vp8'), record('video/mp4;codecs=avc1')]);
  await page.close();
  return { webm: Buffer.from(webm), ...segments(Buffer.from(mp4)) };
}

/** Cuts a fragmented mp4 into what HLS wants: how to begin, and the pieces. */
function segments(mp4) {
  const pieces = [];
  const init = [];
  for (let at = 0; at < mp4.length;) {
    const size = mp4.readUInt32BE(at) || mp4.length - at;
    const [kind, box] = [mp4.toString('latin1', at + 4, at + 8), mp4.subarray(at, at + size)];
    if (kind === 'ftyp' || kind === 'moov') init.push(box);
    else if (kind === 'moof') pieces.push([box]);
    else if (kind === 'mdat') pieces.at(-1).push(box);
    at += size;
  }
  return { init: Buffer.concat(init), pieces: pieces.map((boxes) => Buffer.concat(boxes)) };
}

const playlist = (pieces) => ['#EXTM3U', '#EXT-X-VERSION:7', '#EXT-X-TARGETDURATION:3', '#EXT-X-PLAYLIST-TYPE:VOD', '#EXT-X-MAP:URI="init.mp4"',
  ...pieces.flatMap((_, i) => [`#EXTINF:${(2.6 / pieces.length).toFixed(3)},`, `${i}.m4s`]), '#EXT-X-ENDLIST', ''].join('\n');

/** Serves the page http://127.0.0.1:1/films/{show.webm, show.m3u8, closed.m3u8 (the browser hands nothing out), missing.*}. */
export async function films(page, { withoutHLS = false } = {}) {
  made ??= film(page.context());
  const { webm, init, pieces } = await made;
  const open = { 'Access-Control-Allow-Origin': '*' };
  const files = {
    'show.webm': { body: webm, contentType: 'video/webm' },
    'show.m3u8': { body: playlist(pieces), contentType: 'application/vnd.apple.mpegurl', headers: open },
    'init.mp4': { body: init, contentType: 'video/mp4', headers: open },
  };
  pieces.forEach((body, i) => { files[`${i}.m4s`] = { body, contentType: 'video/iso.segment', headers: open }; });
  await page.route(/\/\/127\.0\.0\.1:1\/films\//, (route) => {
    if (route.request().url().endsWith('closed.m3u8')) return route.abort('accessdenied'); // as without CORS: a page hears no more
    const file = files[new URL(route.request().url()).pathname.split('/').at(-1)];
    if (!file) return route.fulfill({ status: 404, headers: open });
    return route.fulfill(ranged(file, route.request().headers().range));
  });
  if (withoutHLS) {
    await page.addInitScript(() => {
      const can = HTMLMediaElement.prototype.canPlayType;
      HTMLMediaElement.prototype.canPlayType = function canPlayType(type) { return type.includes('mpegurl') ? '' : can.call(this, type); };
    });
  }
}

function ranged({ body, contentType, headers }, range) {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  if (from === undefined) return { body, contentType, headers: { ...headers, 'Accept-Ranges': 'bytes' } };
  const end = to ? Math.min(Number(to), body.length - 1) : body.length - 1;
  return { status: 206, body: body.subarray(Number(from), end + 1), contentType, headers: { ...headers, 'Accept-Ranges': 'bytes', 'Content-Range': `bytes ${from}-${end}/${body.length}` } };
}
