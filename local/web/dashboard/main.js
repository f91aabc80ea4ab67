// The operator's dashboard: all rooms, or one of them with #room=3 in the address. Asked for every few seconds while it
// is seen.

import { path, request } from '../api.js';
import { $, el } from '../dom.js';
import { count } from '../format.js';
import { Chart } from './charts.js';

const everyMs = 5_000;
const spans = { '1 h': { hours: 1, step: 60 }, '6 h': { hours: 6, step: 60 }, '24 h': { hours: 24, step: 300 }, '7 d': { hours: 168, step: 1800 } };
const tiles = { online: 'online', peak_online: 'peak', unique_viewers: 'viewers', danmu: 'danmaku', likes: 'likes', gifts: 'gifts', coins: 'coins' };

const charts = {
  online: [{ field: 'online', label: 'online', color: '#4dd0ff', fill: '#4dd0ff22' }],
  rates: [{ field: 'danmu', label: 'danmaku', color: '#ff4f8b', rate: true }, { field: 'likes', label: 'likes', color: '#8a5cff', rate: true }],
  gifts: [{ field: 'gifts', label: 'gifts', color: '#43e5a0', rate: true }, { field: 'coins', label: 'coins', color: '#ffc46b', rate: true, scale: 'coins' }],
};

class Dashboard {
  #span = '1 h';
  #titles = new Map();
  #timer = 0;
  #turn = 0; // of the latest refresh: an answer of one before it is dropped

  constructor() {
    this.charts = Object.fromEntries(Object.entries(charts).map(([name, series]) => [name, new Chart($(`${name}-chart`), series)]));
    $('spans').append(...Object.keys(spans).map((name) => el('button', {
      type: 'button', 'aria-pressed': String(name === this.#span), onclick: () => this.#choose(name),
    }, name)));
    addEventListener('hashchange', () => this.refresh());
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.refresh(); });
  }

  #choose(name) {
    this.#span = name;
    for (const button of $('spans').children) button.setAttribute('aria-pressed', String(button.textContent === name));
    this.refresh();
  }

  async refresh() {
    clearTimeout(this.#timer);
    if (document.hidden) return;
    const turn = ++this.#turn;
    try {
      await this.#load(turn);
    } catch (err) {
      if (turn === this.#turn) this.#tell('bad', err.message);
    }
    if (turn === this.#turn) this.#timer = setTimeout(() => this.refresh(), everyMs);
  }

  async #load(turn) {
    const { hours, step } = spans[this.#span];
    const room = Number(new URLSearchParams(location.hash.slice(1)).get('room')) || 0;
    const query = new URLSearchParams({ from: new Date(Date.now() - hours * 3_600_000).toISOString(), step });
    const [overview, hot, figures, timeline] = await Promise.all([
      request('GET', `${path.overview}?${query}`), request('GET', path.hot), room && request('GET', path.numbers(room)),
      room && request('GET', `${path.timeline(room)}?${query}`),
    ]);
    await this.#learn([...hot.items.map((item) => item.room_id), room]);
    if (turn !== this.#turn) return;
    $('title').textContent = room ? this.#title(room) : 'All rooms';
    for (const id of ['all-rooms', 'replay']) $(id).hidden = !room;
    $('replay').href = `/replay/#room=${room}`;
    this.#drawTiles(room ? figures : overview);
    const points = (room ? timeline : overview).items;
    for (const chart of Object.values(this.charts)) chart.draw(points, step);
    this.#drawHot(hot.items);
    this.#drawLag(overview.lag);
    this.#tell('ok', `as of ${new Date((figures || overview).as_of).toLocaleTimeString()}`);
  }

  #tell(state, text) {
    $('as-of').dataset.state = state;
    $('as-of').textContent = text;
  }

  #drawTiles(figures) {
    $('tiles').replaceChildren(...Object.entries(tiles).map(([name, label]) => el('div', {},
      el('dt', {}, label), el('dd', { data: { figure: name }, title: String(figures[name]) }, count(figures[name])))));
  }

  /** learn asks for the rooms it has not heard of, and again for how many watch. */
  async #learn(ids) {
    const wanted = [...new Set(ids)].filter((id) => id > 0);
    const answers = await Promise.allSettled(wanted.map((id) => request('GET', path.room(id))));
    answers.forEach(({ value }, i) => { if (value) this.#titles.set(wanted[i], value); });
  }

  #title(id) { return this.#titles.get(id)?.title ?? `Room ${id}`; }

  #drawHot(items) {
    $('hot-empty').hidden = items.length > 0;
    $('hot').replaceChildren(...items.map((item) => el('tr', {},
      el('td', {}, String(item.rank)), el('td', {}, el('a', { href: `#room=${item.room_id}` }, this.#title(item.room_id))),
      el('td', { class: 'number' }, count(this.#titles.get(item.room_id)?.viewer_count)), el('td', { class: 'number' }, count(item.score)))));
  }

  #drawLag(readers) {
    $('lag-empty').hidden = readers.length > 0;
    $('lag').replaceChildren(...readers.map((one) => el('tr', { data: { behind: String(one.records > 10_000) } },
      el('td', {}, one.group), el('td', {}, one.topic), el('td', { class: 'number' }, count(one.records)))));
  }
}

new Dashboard().refresh();
