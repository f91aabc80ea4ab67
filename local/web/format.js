// How numbers, times and names are shown.

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

export const count = (n) => (Number.isFinite(n) ? compact.format(n) : '–');

const whole = new Intl.NumberFormat('en');

/** Money is told to the last coin. */
export const coins = (n) => (Number.isFinite(n) ? whole.format(n) : '–');

export const time = (unixMs) => clock.format(new Date(unixMs));

/** since('2026-01-02T03:04:05Z') is '2 h 5 min', or '' for no time. */
export function since(iso, now = Date.now()) {
  const start = Date.parse(iso ?? '');
  if (!Number.isFinite(start)) return '';
  const minutes = Math.max(0, Math.floor((now - start) / 60000));
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

/** A hue that stays with a user: the same name has the same colour on every page. */
export function hue(id) {
  let h = 2166136261;
  for (const c of String(id)) h = Math.imul(h ^ c.codePointAt(0), 16777619);
  h = Math.imul(h ^ (h >>> 15), 0x9e3779b1); // neighbouring names would get neighbouring colours without this
  return ((h >>> 12) * 137) % 360;
}

/** Counts characters as the server does: code points, not UTF-16 units. */
export const length = (text) => [...text].length;

/** An id of our own for a message; the server acknowledges the same id only once within two minutes. */
export function newID() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}
