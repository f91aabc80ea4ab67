// Which lane a danmu flies in, so that no two ever overlap. Pure arithmetic: times in ms, lengths in px.

/** Lanes that text crosses from right to left, each item at its own constant speed. */
export class ScrollLanes {
  #last; // per row: the item that entered last

  constructor({ rows, width, gap = 28, random = Math.random }) {
    Object.assign(this, { rows, width, gap, random });
    this.#last = new Array(rows).fill(null);
  }

  /** Puts an item into `span` neighbouring rows that are free for it; returns the first row, or -1 when there is none. */
  place(now, { length, duration, span = 1 }) {
    const free = [];
    for (let row = 0; row + span <= this.rows; row++) {
      let fits = true;
      for (let r = row; r < row + span; r++) fits &&= this.#idle(r, now, length, duration) >= 0;
      if (fits) free.push(row);
    }
    if (!free.length) return -1;
    // Any of them: row after row in turn would fly as a staircase.
    const row = free[Math.floor(this.random() * free.length)];
    this.#last.fill({ at: now, length, duration }, row, row + span);
    return row;
  }

  // How long ago the row became free for the item; negative while it is not.
  #idle(row, now, length, duration) {
    const last = this.#last[row];
    if (!last) return Number.MAX_SAFE_INTEGER;
    const speed = (this.width + length) / duration;
    const lastSpeed = (this.width + last.length) / last.duration;
    // The last item's tail has left the right edge, with a gap …
    const entered = last.at + (last.length + this.gap) / lastSpeed;
    // … and a faster item still does not reach that tail before it has left on the left.
    const safe = last.at + last.duration - (this.width - this.gap) / speed;
    return now - Math.max(entered, safe);
  }
}

/** Lanes in which text stands still for a while. */
export class FixedLanes {
  #until;

  constructor({ rows }) { this.#until = new Array(rows).fill(-Infinity); }

  /** Returns the first free row, or -1. */
  place(now, { hold, span = 1 }) {
    const rows = this.#until.length;
    for (let row = 0; row + span <= rows; row++) {
      if (this.#until.slice(row, row + span).every((until) => until <= now)) {
        this.#until.fill(now + hold, row, row + span);
        return row;
      }
    }
    return -1;
  }
}

/** How a stage of that size is cut into rows: some at the top and bottom for text that stands, the rest for flight. */
export function layout(width, height) {
  const rowHeight = Math.round(Math.min(40, Math.max(22, height / 15)));
  const rows = Math.max(3, Math.floor(height / rowHeight));
  const fixed = rows >= 8 ? 2 : 1;
  return { rowHeight, rows, width, top: fixed, bottom: fixed, scroll: rows - 2 * fixed };
}
