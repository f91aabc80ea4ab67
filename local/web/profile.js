// Our own profile: avatar, nickname, bio, and the way out.

import { path } from './api.js';
import { $, attempt, face } from './dom.js';
import { upload } from './upload.js';

export class Profile {
  constructor({ session, toasts }) {
    Object.assign(this, { session, toasts });
    this.form = $('profile-form');
    $('avatar-file').addEventListener('change', ({ target }) => this.#try(() => this.#avatar(target)));
    $('log-out').addEventListener('click', () => {
      $('profile').close();
      session.logout().catch((err) => toasts.error(err));
    });
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      const { nickname, bio } = Object.fromEntries(new FormData(this.form));
      this.#try(async () => {
        session.keepUser(await session.call('PATCH', path.me, { nickname: nickname.trim(), bio: bio.trim() }));
        await session.renew(); // messages bear the nickname of the token
        $('profile').close();
        toasts.show('Your profile is saved.', { kind: 'good' });
      });
    });
  }

  async open() {
    this.#fill(this.session.user);
    $('profile').showModal();
    await this.#try(async () => {
      this.session.keepUser(await this.session.call('GET', path.me));
      this.#fill(this.session.user);
    });
  }

  async #avatar(input) {
    const [file] = input.files;
    input.value = '';
    if (!file) return;
    const address = await upload(this.session, path.avatarUpload, file);
    this.session.keepUser(await this.session.call('PATCH', path.me, { avatar_url: address }));
    this.#draw();
  }

  #fill(user) {
    this.form.elements.nickname.value = user.nickname;
    this.form.elements.bio.value = user.bio ?? '';
    this.#draw();
  }

  #draw() { $('profile-face').replaceChildren(face(this.session.user, 'big')); }

  #try(step) { return attempt(this.form, $('profile-error'), step); }
}
