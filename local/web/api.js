// Calls of the HTTP API. Every failure becomes an ApiError with the problem's stable code.

const timeoutMs = 10_000;

export class ApiError extends Error {
  constructor(status, code, message, retryAfterMs = 0) {
    super(message);
    this.name = 'ApiError';
    this.status = status; // 0: no answer at all
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

export async function request(method, path, options) {
  const response = await ask(method, path, options);
  if (response.status === 204) return null;
  const answer = await parsed(response);
  if (response.ok) return answer;
  throw refusal(response, answer);
}

/** Reads a document of JSON lines: {items, next}, where next is the address of the document after it, or ''. */
export async function lines(path) {
  const response = await ask('GET', path);
  if (!response.ok) throw refusal(response, await parsed(response));
  const text = await read(response);
  try {
    const items = text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
    return { items, next: /^<([^>]*)>; rel="next"$/.exec(response.headers.get('Link') ?? '')?.[1] ?? '' };
  } catch {
    throw new ApiError(response.status, 'bad_answer', 'The server answered with something that is not JSON.');
  }
}

async function ask(method, path, { body, token } = {}) {
  const headers = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (token) headers.Authorization = `Bearer ${token}`;
  try {
    return await fetch(path, {
      method, headers, cache: 'no-store', credentials: 'omit',
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (cause) {
    throw silence(cause);
  }
}

async function read(response) {
  try {
    return await response.text();
  } catch (cause) {
    throw silence(cause); // it broke off on the way
  }
}

async function parsed(response) {
  const text = await read(response);
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    throw new ApiError(response.status, 'bad_answer', `The server answered ${response.status} with something that is not JSON.`);
  }
}

function silence(cause) {
  const late = cause.name === 'TimeoutError';
  return new ApiError(0, late ? 'timeout' : 'unreachable', late ? 'The server takes too long to answer.' : 'The server can’t be reached.');
}

function refusal(response, answer) {
  const retryAfter = Number(response.headers.get('Retry-After')) * 1000 || 0;
  return new ApiError(response.status, answer?.code ?? `http_${response.status}`, answer?.detail || answer?.title || response.statusText, retryAfter);
}

export const path = {
  rooms: '/api/v1/rooms',
  liveRooms: '/api/v1/rooms?status=1&sort=hot&limit=30',
  room: (id) => `/api/v1/rooms/${id}`,
  start: (id) => `/api/v1/rooms/${id}/start`,
  stop: (id) => `/api/v1/rooms/${id}/stop`,
  join: (id) => `/api/v1/rooms/${id}/join`,
  leave: (id) => `/api/v1/rooms/${id}/leave`,
  hot: '/api/v1/stats/hot?limit=10',
  numbers: (id) => `/api/v1/stats/rooms/${id}`,
  sessions: (id, cursor) => `/api/v1/rooms/${id}/sessions?limit=20&cursor=${encodeURIComponent(cursor)}`,
  session: (id, session) => `/api/v1/rooms/${id}/replay?session=${encodeURIComponent(session)}&limit=1`,
  replay: (id, session, from) => `/api/v1/rooms/${id}/replay?format=lines&types=danmu,gift&session=${encodeURIComponent(session)}&from_ms=${from}`,
  timeline: (id) => `/api/v1/stats/rooms/${id}/timeline`,
  gifters: (id) => `/api/v1/stats/rooms/${id}/gifters?limit=5`,
  gifts: '/api/v1/gifts',
  wallet: '/api/v1/wallet',
  overview: '/api/v1/stats/overview',
  me: '/api/v1/users/me',
  user: (id) => `/api/v1/users/${id}`,
  avatarUpload: '/api/v1/users/me/avatar-upload',
  coverUpload: (id) => `/api/v1/rooms/${id}/cover-upload`,
  moderators: (id) => `/api/v1/rooms/${id}/moderators`,
  moderator: (id, user) => `/api/v1/rooms/${id}/moderators/${user}`,
  mutes: (id) => `/api/v1/rooms/${id}/mutes?limit=100`,
  mute: (id, user) => `/api/v1/rooms/${id}/mutes/${user}`,
  bans: (id) => `/api/v1/rooms/${id}/bans?limit=100`,
  ban: (id, user) => `/api/v1/rooms/${id}/bans/${user}`,
  kick: (id, user) => `/api/v1/rooms/${id}/kicks/${user}`,
  message: (id, message, user) => `/api/v1/rooms/${id}/messages/${encodeURIComponent(message)}?user_id=${user}`,
  held: (id) => `/api/v1/rooms/${id}/held?limit=100`,
  heldMessage: (id, message, user, step = '') => `/api/v1/rooms/${id}/held/${encodeURIComponent(message)}${step}?user_id=${user}`,
  settings: (id) => `/api/v1/rooms/${id}/settings`,
  login: '/api/v1/auth/login',
  register: '/api/v1/auth/register',
  refresh: '/api/v1/auth/refresh',
  logout: '/api/v1/auth/logout',
};
