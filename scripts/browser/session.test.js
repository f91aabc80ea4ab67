// Who is logged in, against a scripted HTTP server.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, beforeEach, test } from 'node:test';
import { Session } from '../../local/web/session.js';

let answer; // (request) → [status, body]
let calls;
const server = createServer(async (request, response) => {
  let body = '';
  for await (const part of request) body += part;
  const call = { path: request.url, token: request.headers.authorization, body: body ? JSON.parse(body) : null };
  calls.push(call);
  const [status, reply] = answer(call);
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(reply === undefined ? '' : JSON.stringify(reply));
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
after(() => server.close());
const realFetch = globalThis.fetch;
globalThis.fetch = (path, init) => realFetch(`http://127.0.0.1:${server.address().port}${path}`, init);

const pair = (n, seconds = 900) => ({ access_token: `access-${n}`, refresh_token: `refresh-${n}`, expires_in: seconds, user: { id: 5, nickname: 'V' } });

class Memory extends Map {
  getItem(key) { return this.get(key) ?? null; }
  setItem(key, value) { this.set(key, value); }
  removeItem(key) { this.delete(key); }
}

let storage;
let session;
beforeEach(async () => {
  calls = [];
  storage = new Memory();
  session = new Session(storage);
});

async function loggedIn(seconds) {
  answer = () => [200, pair(1, seconds)];
  await session.login('viewer', 'password');
  calls = [];
}

// A session that is logged in has a timer, which would keep the process alive.
const end = async (which = session) => {
  answer = () => [204];
  await which.logout();
};

test('it is kept for the tab and used for every call', async () => {
  await loggedIn();
  answer = () => [200, { ok: true }];
  await session.call('GET', '/api/v1/users/me');
  assert.equal(calls[0].token, 'Bearer access-1');
  const reloaded = new Session(storage);
  assert.equal(reloaded.user.nickname, 'V');
  assert.equal(await reloaded.token(), 'access-1');
  await end(reloaded);
  await end();
  assert.equal(session.user, null);
  assert.equal(storage.size, 0);
  assert.equal(calls.at(-1).body.refresh_token, 'refresh-1');
});

test('a refresh token is spent once, however many ask at the same time', async () => {
  await loggedIn(1); // about to end
  answer = () => [200, pair(2)];
  const tokens = await Promise.all([session.token(), session.token(), session.token()]);
  assert.deepEqual(tokens, ['access-2', 'access-2', 'access-2']);
  assert.equal(calls.filter((call) => call.path.endsWith('/auth/refresh')).length, 1);
  await end();
});

test('an access token that is refused is renewed, and the call made again', async () => {
  await loggedIn();
  answer = (call) => {
    if (call.path.endsWith('/auth/refresh')) return [200, pair(2)];
    return call.token === 'Bearer access-2' ? [200, { fine: true }] : [401, { code: 'token_expired', title: 'no' }];
  };
  assert.deepEqual(await session.call('GET', '/api/v1/x'), { fine: true });
  await end();
});

test('a spent refresh token ends the session; a server that is away does not', async () => {
  await loggedIn();
  answer = () => [503, { code: 'unavailable', title: 'later' }];
  await assert.rejects(session.renew(), { code: 'unavailable' });
  assert.equal(session.user.nickname, 'V');
  let lost = 0;
  session.addEventListener('lost', () => lost++);
  answer = () => [401, { code: 'token_reused', title: 'spent' }];
  await session.renew();
  assert.equal(session.user, null);
  assert.equal(lost, 1);
});

test('problems keep their code and their words', async () => {
  answer = () => [401, { code: 'bad_credentials', title: 'Unauthorized', detail: 'Wrong name or password.' }];
  await assert.rejects(session.login('x', 'y'), { status: 401, code: 'bad_credentials', message: 'Wrong name or password.' });
});
