// What we may do in the room on the screen, so that nobody is offered what the server would refuse. It decides, not we.

import { path } from './api.js';

/** Event: 'change'. */
export class Rights extends EventTarget {
  room = 0;
  mayModerate = false;
  mayAppoint = false;
  moderators = [];

  constructor({ session, screen, socket }) {
    super();
    Object.assign(this, { session, screen });
    session.addEventListener('change', () => this.look());
    socket.addEventListener('message', ({ detail }) => { if (detail.type === 'standing') this.look(); });
  }

  watch(room) {
    this.room = room;
    return this.look();
  }

  async look() {
    const { room } = this;
    if (!room) return;
    let moderators = [];
    try {
      ({ items: moderators } = await this.session.call('GET', path.moderators(room)));
    } catch {
      // Nobody is known to be one: the menus stay away, and the next look may tell.
    }
    if (room !== this.room) return;
    const { user } = this.session;
    this.moderators = moderators;
    this.mayAppoint = Boolean(user) && (this.screen.mayManage || user.role === 'admin');
    this.mayModerate = this.mayAppoint || moderators.some((one) => one.user_id === user?.id);
    this.dispatchEvent(new Event('change'));
  }
}
