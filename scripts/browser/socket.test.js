// The page's end of the socket protocol, against a scripted server on a real socket.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, beforeEach, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';

// What a browser has and Node has not.
globalThis.WebSocket = WebSocket;
globalThis.document = Object.assign(new EventTarget(), { hidden: false });
globalThis.addEventListener = () => {};
const { RoomSocket } = await import('../../local/web/socket.js');

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'barrage.v1' });
await once(server, 'listening');
const url = `ws://127.0.0.1:${server.address().port}/ws`;
after(() => server.close());

let client;
let prepared;
let messages;
let holes;
beforeEach(() => {
  prepared = [];
  messages = [];
  holes = [];
  client = new RoomSocket(async (room, renew) => {
    prepared.push({ room, renew });
    return { url, token: 'a.b.c' };
  });
  client.addEventListener('message', ({ detail }) => messages.push(detail));
  client.addEventListener('hole', ({ detail }) => holes.push(detail));
});

/** The server's side of the next connection. */
async function next() {
  const [ws, request] = await once(server, 'connection');
  const say = (message) => ws.send(JSON.stringify(message));
  return {
    ws, say, query: new URL(request.url, url).searchParams, protocols: request.headers['sec-websocket-protocol'],
    welcome: (data) => say({ type: 'welcome', data: { epoch: 'e1', seq: 0, recovered: false, ...data } }),
  };
}

const reaches = (state) => new Promise((resolve) => {
  client.addEventListener('state', ({ detail }) => { if (detail.state === state) resolve(detail); });
});

const received = async (n) => { while (messages.length < n) await once(client, 'message'); };

async function opened(data) {
  const coming = next();
  client.open(7);
  const peer = await coming;
  const open = reaches('open');
  peer.welcome(data);
  await open;
  return peer;
}

test('it shows its token as a subprotocol and asks for history, not for a resume', async () => {
  const peer = await opened({ seq: 41 });
  assert.equal(peer.protocols.replace(/\s/g, ''), 'barrage.v1,bearer.a.b.c');
  assert.equal(peer.query.get('room_id'), '7');
  assert.equal(peer.query.get('resume'), null);
  assert.equal(client.position, 'e1:41');
  client.close();
});

test('after a cut it resumes from the last seq it has seen', async () => {
  const peer = await opened({ seq: 10 });
  peer.say({ type: 'danmu', seq: 11 });
  peer.say({ type: 'like', seq: 12 });
  await received(3);
  const coming = next();
  peer.ws.close(4008);
  const again = await coming;
  assert.equal(again.query.get('resume'), 'e1:12');
  again.welcome({ seq: 14, recovered: true });
  again.say({ type: 'danmu', seq: 13 });
  again.say({ type: 'danmu', seq: 14 });
  await received(6);
  assert.equal(client.position, 'e1:14');
  assert.deepEqual(holes, []);
  client.close();
});

test('what was not recovered starts at the place of the room, and history is no hole', async () => {
  const peer = await opened({ seq: 30 });
  peer.say({ type: 'danmu', seq: 29 });
  peer.say({ type: 'danmu', seq: 30 });
  peer.say({ type: 'danmu', seq: 31 });
  await received(4);
  assert.equal(client.position, 'e1:31');
  assert.deepEqual(holes, []);
  client.close();
});

test('a missing seq is told, unless a gap has declared it', async () => {
  const peer = await opened({ seq: 1 });
  peer.say({ type: 'gap', data: { from_seq: 2, to_seq: 5, reason: 'slow' } });
  peer.say({ type: 'danmu', seq: 6 });
  peer.say({ type: 'danmu', seq: 9 });
  await received(4);
  assert.deepEqual(holes, [{ from: 7, to: 8 }]);
  client.close();
});

test('a gap with a new epoch is where the next resume starts', async () => {
  const peer = await opened({ seq: 90 });
  peer.say({ type: 'gap', data: { from_seq: 1, to_seq: 3, epoch: 'e2', reason: 'epoch' } });
  peer.say({ type: 'danmu', seq: 4 });
  await received(3);
  assert.equal(client.position, 'e2:4');
  assert.deepEqual(holes, []);
  client.close();
});

test('an expired token is renewed before the next try', async () => {
  const peer = await opened();
  const coming = next();
  peer.ws.close(4001);
  await coming;
  assert.deepEqual(prepared.map((p) => p.renew), [false, true]);
  client.close();
});

test('a ban ends it; the end of the room ends it too and says so', async () => {
  for (const [code, ended] of [[4003, false], [4004, true]]) {
    const peer = await opened();
    const stopped = reaches('stopped');
    peer.ws.close(code);
    assert.equal((await stopped).ended, ended);
  }
  assert.equal(prepared.length, 2);
});

test('a draining pod moves it after the time it named', async () => {
  const peer = await opened({ seq: 3 });
  const coming = next();
  peer.say({ type: 'reconnect', data: { after_ms: 20 } });
  assert.equal((await coming).query.get('resume'), 'e1:3');
  client.close();
});

test('a door that is closed for good is not tried again', async () => {
  client.prepare = async () => { throw Object.assign(new Error('no such room'), { final: true }); };
  const stopped = reaches('stopped');
  client.open(9);
  assert.equal((await stopped).text, 'no such room');
});

test('another room does not resume the place of the first', async () => {
  await opened({ seq: 5 });
  const coming = next();
  client.open(8);
  const peer = await coming;
  assert.equal(peer.query.get('room_id'), '8');
  assert.equal(peer.query.get('resume'), null);
  client.close();
});
