// What to do when the socket closed: the close codes of the protocol, and how long to wait.

const baseMs = 400;
const capMs = 20_000;

/** Half fixed, half random, doubling up to 20 s: thousands of pages that lost one pod must not come back at once. */
export function backoff(attempt, random = Math.random) {
  const full = Math.min(capMs, baseMs * 2 ** Math.min(attempt, 10));
  return full / 2 + random() * (full / 2);
}

const rules = {
  1009: { again: true, text: 'A message was too big for the server.' },
  1012: { again: true, text: 'The server restarts; you are moved to another one.' },
  4001: { again: true, renew: true, text: 'Your session is being renewed.' },
  4003: { again: false, text: 'You were sent out of this room.' },
  4004: { again: false, ended: true, text: 'This room is not live.' },
  4008: { again: true, text: 'Your connection was too slow; coming back.' },
  4009: { again: false, text: 'Too many connections: close another tab first.' },
  4029: { again: true, minMs: 15_000, text: 'Too many messages; pausing for a moment.' },
};

/** Returns {again, renew, ended, text, waitMs} for a close code and the number of tries without success. */
export function afterClose(code, attempt, random = Math.random) {
  const rule = rules[code] ?? { again: true, text: 'The connection broke.' };
  return { renew: false, ended: false, ...rule, waitMs: Math.max(rule.minMs ?? 0, backoff(attempt, random)) };
}
