// The panel of those who run or moderate the room: cover, slow mode, blocked words, moderators, who is muted or banned.

import { path } from './api.js';
import { $, attempt, el, face } from './dom.js';
import { upload } from './upload.js';

export class RoomSettings {
  /** parts: session, toasts, rights, screen. */
  constructor(parts) {
    Object.assign(this, parts);
    this.form = $('room-settings-form');
    $('room-settings-open').addEventListener('click', () => this.#open());
    this.rights.addEventListener('change', () => { $('room-settings-open').hidden = !this.rights.mayModerate; });
    $('cover-file').addEventListener('change', ({ target }) => this.#try(() => this.#cover(target)));
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#try(() => this.#save());
    });
  }

  async #open() {
    $('cover-field').hidden = !this.rights.mayAppoint;
    $('room-settings').showModal();
    await this.#try(() => this.#load());
  }

  async #load() {
    const { room } = this.rights;
    const get = (url) => this.session.call('GET', url);
    const [settings, muted, banned] = await Promise.all([get(path.settings(room)), get(path.mutes(room)), get(path.bans(room)), this.rights.look()]);
    const { slow, adaptive, words } = this.form.elements;
    slow.value = settings.slow_mode_seconds;
    adaptive.checked = settings.adaptive_slow_mode;
    words.value = (settings.blocked_words ?? []).join('\n');
    this.#people('moderators', this.rights.moderators, this.rights.mayAppoint && 'Dismiss', path.moderator);
    this.#people('muted', await this.#named(muted.items), 'Unmute', path.mute);
    this.#people('banned', await this.#named(banned.items), 'Unban', path.ban);
  }

  async #save() {
    const { slow, adaptive, words } = this.form.elements;
    await this.session.call('PATCH', path.settings(this.rights.room), {
      slow_mode_seconds: Number(slow.value), adaptive_slow_mode: adaptive.checked,
      blocked_words: words.value.split('\n').map((word) => word.trim()).filter(Boolean),
    });
    $('room-settings').close();
    this.toasts.show('The room’s settings are saved.', { kind: 'good' });
  }

  async #cover(input) {
    const [file] = input.files;
    input.value = '';
    if (!file) return;
    const { room } = this.rights;
    const cover = await upload(this.session, path.coverUpload(room), file);
    this.screen.room(await this.session.call('PATCH', path.room(room), { cover }));
    this.toasts.show('The room has a new cover.', { kind: 'good' });
  }

  /** Lists of sanctions know ids alone. */
  async #named(items) {
    return Promise.all(items.map(async (item) => {
      const who = await this.session.call('GET', path.user(item.user_id)).catch(() => ({ nickname: `User ${item.user_id}` }));
      return { ...item, nickname: who.nickname, avatar_url: who.avatar_url };
    }));
  }

  #people(id, items, undo, where) {
    $(id).replaceChildren(...items.map((one) => el('li', { class: 'person', data: { user: one.user_id } },
      face({ id: one.user_id, ...one }, 'small'), el('span', { class: 'name' }, one.nickname, one.reason ? el('small', {}, ` ${one.reason}`) : null),
      undo ? el('button', { type: 'button', class: 'link', onclick: () => this.#try(async () => {
        await this.session.call('DELETE', where(this.rights.room, one.user_id));
        await this.#load();
      }) }, undo) : null)));
    if (!items.length) $(id).append(el('li', { class: 'empty' }, 'Nobody.'));
  }

  #try(step) { return attempt(this.form, $('room-settings-error'), step); }
}
