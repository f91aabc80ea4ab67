// Charts over time, drawn by uPlot, which its own script has put on the window.

const grid = { stroke: '#2a2a3d', width: 1 };
const axis = { stroke: '#a3a1b8', grid, ticks: grid, font: '12px system-ui, sans-serif' };
const height = 230;
const whole = [1, 2, 5].flatMap((n) => Array.from({ length: 12 }, (_, power) => n * 10 ** power)).toSorted((a, b) => a - b); // half a viewer is none
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const shown = (n) => (n === null || n === undefined ? '–' : short.format(n));

/** A chart of some fields of points; each series is {field, label, color, fill?, scale?, a?: per minute}. */
export class Chart {
  #plot;
  #box;

  constructor(box, series) {
    this.series = series;
    this.#box = box;
    const scales = { x: { time: true } };
    for (const { scale = 'y' } of series) scales[scale] = { range: (_, __, most) => [0, Math.max(1, most * 1.1)] };
    this.#plot = new window.uPlot({
      width: this.#width(), height, scales,
      cursor: { sync: { key: 'dashboard' } }, // the charts show the same moment
      axes: [axis, { ...axis, scale: 'y', incrs: whole, values: (_, all) => all.map(shown), size: 56 },
        ...series.filter((s) => s.scale).map((s) => ({ ...axis, scale: s.scale, side: 1, incrs: whole, grid: { show: false }, values: (_, all) => all.map(shown), size: 56 }))],
      series: [{}, ...series.map((s) => ({ label: s.label, stroke: s.color, width: 2, fill: s.fill, scale: s.scale ?? 'y', points: { show: false }, value: (_, n) => shown(n) }))],
    }, [[], ...series.map(() => [])], box);
    new ResizeObserver(() => this.#plot.setSize({ width: this.#width(), height })).observe(box);
  }

  /** points are those of the API; a rate is what happened in a step, by the minute. */
  draw(points, stepSeconds) {
    const columns = this.series.map(({ field, rate }) => points.map((p) => (rate ? (p[field] * 60) / stepSeconds : p[field])));
    this.#plot.setData([points.map((p) => Date.parse(p.t) / 1000), ...columns]);
    this.#box.dataset.points = String(points.length);
  }

  #width() { return Math.max(200, this.#box.clientWidth); }
}
