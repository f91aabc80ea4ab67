// One room on the screen: what its socket says goes to the stage, the list and the counters, and what we say goes out.

import { newID } from './format.js';
import { Outbox } from './outbox.js';

const flyWithinMs = 12_000; // what was missed longer ago goes to the list only
const ackWithinMs = 8_000;
const giftsRemembered = 300;
const heldRemembered = 50;

export class Room {
  #outbox = new Outbox();
  #epoch = '';
  #welcomed = 0; // the room's seq when we came: up to here it is history
  #recovered = false;
  #held = new Map(); // what waits for a moderator, by id
  #gifts = new Set(); // orders that were shown: a gift may be announced again

  /** parts: socket, session, stage, chat, likes, gifts, giftShow, onGift, backdrop, toasts, composer, and screen, which draws the room itself. */
  constructor(parts) {
    Object.assign(this, parts);
    this.socket.addEventListener('message', ({ detail }) => this.#handlers[detail.type]?.(detail));
    this.socket.addEventListener('state', ({ detail }) => this.#state(detail));
    this.socket.addEventListener('hole', ({ detail }) => console.error('seq hole', detail.from, detail.to));
    this.session.addEventListener('renewed', async () => this.socket.present(await this.session.token()));
    setInterval(() => this.#giveUp(), 1_000);
  }

  enter(id) {
    if (id !== this.id) {
      this.chat.clear();
      this.stage.clear();
      this.#outbox = new Outbox();
      this.#held.clear();
      this.likes.clear();
      this.gifts.clear();
      this.giftShow.clear();
      this.#gifts.clear();
    }
    this.id = id;
    this.socket.open(id);
  }

  /** Returns whether the danmu was taken; its row tells what becomes of it. */
  say(text, style) {
    if (this.#outbox.full) {
      this.toasts.show('Your last messages are still on their way.', { kind: 'bad' });
      return false;
    }
    const message = { type: 'danmu', id: newID(), content: text, data: style };
    const { user } = this.session;
    this.chat.add({ key: mine(message.id), id: message.id, nickname: user.nickname, userID: user.id, text, badge: this.#badge(user.id, user.role), own: true, at: Date.now() });
    this.chat.mark(mine(message.id), 'pending');
    this.#post(message);
    return true;
  }

  like(count) {
    return this.socket.send({ type: 'like', id: newID(), data: { count } });
  }

  /** Sends a failed message once more, as a new one: the server may have forgotten its id. */
  retry(id) {
    const failed = this.failed?.get(id);
    if (!failed) return;
    this.failed.delete(id);
    this.chat.remove(id);
    this.say(failed.content, failed.data);
  }

  #handlers = {
    welcome: ({ data = {} }) => {
      if (this.#epoch && !data.recovered) this.chat.note('You were away; some messages may be missing.', 'gap');
      this.#epoch = data.epoch;
      this.#welcomed = data.seq ?? 0;
      this.#recovered = data.recovered;
      this.screen.online(data.online);
      if (data.room) this.screen.room(data.room);
      for (const message of this.#outbox.pending()) this.socket.send(message);
      this.gifts.orders.resend();
    },
    danmu: (m) => this.#danmu(m),
    like: (m) => {
      if (m.seq > this.#welcomed || this.#recovered) this.likes.more(m.data?.count ?? 1, this.#own(m));
    },
    gift: (m) => this.#gift(m),
    gift_result: (m) => this.gifts.result(m),
    room: (m) => this.screen.changed(m),
    online: ({ data }) => this.screen.online(data?.online),
    deleted: ({ data }) => {
      this.chat.remove(data?.message_id, data?.user_id);
      this.stage.remove(data?.message_id, data?.user_id);
    },
    settings: (m) => {
      const { slow_mode_seconds: slow = 0 } = m.data ?? {};
      if (m.seq > this.#welcomed || this.#recovered) this.chat.note(slow ? `Slow mode: one message in ${slow} s.` : 'Slow mode is off.');
    },
    ack: (m) => this.#acked(m),
    error: (m) => this.#refused(m),
    gap: ({ data }) => {
      if (data.epoch) this.#epoch = data.epoch;
      const missed = data.to_seq - data.from_seq + 1;
      const why = data.reason === 'slow' ? 'were skipped: your connection is slow' : 'were lost on the way';
      if (missed > 0) this.chat.note(`${missed} messages ${why}.`, 'gap');
    },
    reconnect: () => this.toasts.show('The server moves its viewers; you will not miss anything.'),
  };

  #danmu(m) {
    const key = `${this.#epoch}:${m.seq}`;
    const own = this.#own(m);
    if (own) this.chat.rename(mine(m.id), key);
    const seen = this.chat.has(key);
    const { nickname = `User ${m.user_id}`, role, color, mode, size } = m.data ?? {};
    if (seen) this.chat.mark(key, 'sent');
    else this.chat.add({ key, id: m.id, nickname, userID: m.user_id, text: m.content, badge: this.#badge(m.user_id, role), own, at: m.timestamp });
    const fresh = m.seq > this.#welcomed || (this.#recovered && Date.now() - m.timestamp < flyWithinMs);
    if (!fresh || (seen && !own)) return;
    this.backdrop.pulse();
    this.stage.fly({ id: m.id, userID: m.user_id, text: m.content, color, mode, size, own });
  }

  #gift(m) {
    if (this.#gifts.has(m.id)) return;
    this.#gifts.add(m.id);
    if (this.#gifts.size > giftsRemembered) this.#gifts.delete(this.#gifts.values().next().value);
    const { nickname = `User ${m.user_id}`, gift_id: giftID, name = 'a gift', count = 1, combo = 0, cost = 0, effect = '' } = m.data ?? {};
    const icon = this.gifts.iconOf(giftID);
    const times = Math.max(combo, count);
    this.chat.gift(`${m.user_id}:${giftID}`, `${icon} ${nickname} sent ${name} × ${times}`, times > count);
    if (m.seq <= this.#welcomed && !(this.#recovered && Date.now() - m.timestamp < flyWithinMs)) return;
    this.backdrop.pulse(10);
    this.giftShow.show({ nickname, userID: m.user_id, giftID, name, icon, times, cost, effect, own: this.#own(m) });
    this.onGift(m);
  }

  #acked({ id, seq, data }) {
    if (!this.#outbox.settle(id) && !this.#held.delete(id)) return;
    const shown = seq > 0 && data?.shown !== false;
    this.chat.mark(mine(id), shown ? 'sent' : 'unseen');
    if (shown) this.chat.rename(mine(id), `${this.#epoch}:${seq}`);
  }

  #refused({ id, data = {} }) {
    if (this.gifts.orders.failed({ id, data })) return;
    const message = this.#outbox.settle(id) ?? this.#held.get(id);
    this.#held.delete(id);
    if (message && data.code === 'held') {
      this.#held.set(id, message);
      if (this.#held.size > heldRemembered) this.#held.delete(this.#held.keys().next().value);
      this.chat.mark(mine(id), 'held');
      return;
    }
    if (data.retry_after_ms && data.code !== 'muted') this.composer.pause(data.retry_after_ms); // a mute may be lifted before
    if (message) this.#fail(message, data.message);
    else this.toasts.show(data.message ?? data.code, { kind: 'bad' });
  }

  #post(message) {
    this.#outbox.add(message);
    if (!this.socket.send(message)) return; // it goes out with the next welcome
    setTimeout(() => {
      // No answer though the connection is up: ask again under the same id.
      if (this.#outbox.waits(message.id)) this.socket.send(message);
    }, ackWithinMs);
  }

  #giveUp() { for (const message of this.#outbox.expire()) this.#fail(message, 'The server did not confirm it.'); }

  #fail(message, why) {
    this.failed ??= new Map();
    this.failed.set(message.id, message);
    this.chat.mark(mine(message.id), 'failed', why);
  }

  #state(detail) {
    this.screen.connection(detail);
    if (detail.state === 'waiting' || (detail.state === 'stopped' && !detail.ended)) this.toasts.show(detail.text, { kind: 'bad' });
  }

  #own(m) { return Boolean(this.session.user) && m.user_id === this.session.user.id; }

  #badge(userID, role) {
    if (userID === this.screen.anchorID) return 'anchor';
    return role === 'admin' || role === 'moderator' ? role : '';
  }
}

const mine = (id) => `mine:${id}`;
