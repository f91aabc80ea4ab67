// The page's entry: makes the parts, ties them together, and goes to the room that the address names.

import { path, request } from './api.js';
import { Backdrop } from './backdrop.js';
import { Chat } from './chat.js';
import { Composer } from './composer.js';
import { $, el, face } from './dom.js';
import { Effects } from './effects.js';
import { Gifters } from './gifters.js';
import { Gifts } from './gifts.js';
import { GiftShow } from './giftshow.js';
import { Held } from './held.js';
import { Likes } from './likes.js';
import { Login } from './login.js';
import { Moderation } from './moderation.js';
import { Player } from './player.js';
import { Profile } from './profile.js';
import { Ranking } from './ranking.js';
import { Rights } from './rights.js';
import { Room } from './room.js';
import { Rooms } from './rooms.js';
import { RoomSettings } from './roomsettings.js';
import { Screen } from './screen.js';
import { Session } from './session.js';
import { RoomSocket } from './socket.js';
import { Stage } from './stage.js';
import { tabs } from './tabs.js';
import { Toasts } from './toast.js';
import { Wallet } from './wallet.js';

const roomFromAddress = () => Number(new URLSearchParams(location.hash.slice(1)).get('room')) || 1;

/** An error after which another try makes no sense. */
function final(text, ended = false) { return Object.assign(new Error(text), { final: true, ended }); }

/** Before each try to connect: where the socket is, and with which token. Joining tells why a room can't be entered. */
function door(session, config) {
  return async (room, renew) => {
    try {
      if (renew) await session.renew();
      if (!session.user) {
        const { status } = await request('GET', path.room(room));
        if (status !== 1) throw final('This room is not live.', true);
        return { url: config.socket_url, token: null };
      }
      const { socket_url: url } = await session.call('POST', path.join(room));
      return { url: (url || config.socket_url).split('?')[0], token: await session.token() };
    } catch (err) {
      if (err.status === 409) throw final('This room is not live.', true);
      if (err.status === 403 || err.status === 404) throw final(err.message);
      throw err;
    }
  };
}

function accountButton(session, login, profile, toasts) {
  const button = $('account');
  const draw = () => {
    const { user } = session;
    button.replaceChildren(...(user ? [face(user, 'small'), user.nickname || user.username] : ['Log in']));
    button.title = user ? 'Your profile' : '';
    button.classList.toggle('quiet', Boolean(user));
    $('go-live').hidden = !user;
  };
  button.addEventListener('click', () => (session.user ? profile : login).open());
  session.addEventListener('change', draw);
  session.addEventListener('profile', draw);
  session.addEventListener('lost', () => toasts.show('You were logged out; please log in again.', { kind: 'bad' }));
  draw();
  button.disabled = false; // from here on a click is heard
}

function newRoomDialog(session) {
  const dialog = $('new-room');
  $('go-live').addEventListener('click', () => {
    $('new-room-error').textContent = '';
    dialog.showModal();
  });
  $('new-room-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    try {
      const room = await session.call('POST', path.rooms, { title: event.target.elements.title.value.trim() });
      await session.call('POST', path.start(room.id));
      dialog.close();
      location.hash = `room=${room.id}`;
    } catch (err) {
      $('new-room-error').textContent = err.message;
    }
  });
}

function stageTools(stage) {
  $('toggle-danmu').addEventListener('click', ({ currentTarget }) => {
    stage.show(!stage.shown);
    currentTarget.setAttribute('aria-pressed', String(stage.shown));
  });
  $('opacity').addEventListener('input', ({ target }) => { stage.root.style.opacity = target.value / 100; });
  $('fullscreen').addEventListener('click', () => (document.fullscreenElement ? document.exitFullscreen() : $('stage').requestFullscreen()));
}

function closeButtons() {
  for (const dialog of document.querySelectorAll('dialog')) {
    dialog.addEventListener('click', ({ target }) => { if (target === dialog || target.closest('[data-close]')) dialog.close(); });
  }
}

async function start() {
  const toasts = new Toasts($('toasts'));
  const config = await request('GET', '/config.json');
  const session = new Session();
  const login = new Login(session, config.demo_users ?? []);
  const backdrop = new Backdrop($('backdrop'));
  const stage = new Stage($('flight'));
  const socket = new RoomSocket(door(session, config));
  const screen = new Screen({ session, toasts, player: new Player($('video'), backdrop), onLive: () => room.enter(room.id) });
  const rights = new Rights({ session, screen, socket });
  const chat = new Chat($('messages'), $('newer'), { onRetry: (id) => room.retry(id) });
  const composer = new Composer({ onSend: (text, style) => room.say(text, style) });
  const likes = new Likes({ button: $('like'), total: $('likes'), bursts: $('bursts'), onLike: (n) => room.like(n) });
  const wallet = new Wallet({ session, toasts, demoCoins: config.demo_coins });
  const gifts = new Gifts({ socket, session, toasts, wallet, onGuest: () => login.open() });
  const giftShow = new GiftShow({ root: $('tributes'), effects: new Effects($('effects')) });
  const gifters = new Gifters({ list: $('gifters'), session });
  const onGift = () => {
    gifters.soon();
    if (screen.mayManage) wallet.soon(); // income
  };
  const room = new Room({ socket, session, stage, chat, likes, gifts, giftShow, onGift, backdrop, toasts, composer, screen });
  const ranking = new Ranking({ list: $('ranking'), numbers: $('numbers'), session, onNumbers: (stats) => likes.atLeast(stats.likes ?? 0) });
  const rooms = new Rooms({ list: $('rooms'), session, onRooms: (all) => ranking.learn(all) });

  accountButton(session, login, new Profile({ session, toasts }), toasts);
  new RoomSettings({ session, toasts, rights, screen });
  new Held({ session, toasts, rights, socket });
  new Moderation({ list: $('messages'), session, toasts, rights });
  newRoomDialog(session);
  stageTools(stage);
  closeButtons();
  tabs(document.querySelector('[role=tablist]'), $('page'));

  const permit = () => {
    const open = socket.state === 'open';
    composer.allow(Boolean(session.user) && open, session.user ? 'Connecting …' : 'Log in to send a danmu');
    likes.allow(Boolean(session.user) && open);
    gifts.allow(!session.user || open);
  };
  socket.addEventListener('state', permit);
  const enter = async () => {
    const id = roomFromAddress();
    rooms.watch(id);
    ranking.watch(id);
    gifters.watch(id);
    try {
      await screen.load(id);
    } catch (err) {
      if (err.status === 404) {
        socket.close();
        screen.missing('There is no room with that number.');
        return;
      }
      toasts.error(err); // the socket keeps trying, and its welcome brings the room
    }
    rights.watch(id);
    room.enter(id);
  };
  addEventListener('hashchange', enter);
  session.addEventListener('change', () => room.enter(room.id)); // the same room, as somebody else
  gifts.load();
  await enter();
}

start().catch((err) => {
  document.body.prepend(el('p', { class: 'noscript', role: 'alert' }, `The page could not start: ${err.message}`));
});
