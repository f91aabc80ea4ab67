// A panel that a button opens: it closes with Escape, and with a click anywhere else.

export function popup(toggle, panel, { onOpen = () => {} } = {}) {
  const open = (yes) => {
    panel.hidden = !yes;
    toggle.setAttribute('aria-expanded', String(yes));
    if (yes) onOpen();
  };
  toggle.addEventListener('click', () => open(panel.hidden));
  document.addEventListener('pointerdown', ({ target }) => { if (!panel.contains(target) && !toggle.contains(target)) open(false); });
  panel.addEventListener('keydown', ({ key }) => {
    if (key !== 'Escape') return;
    open(false);
    toggle.focus();
  });
}
