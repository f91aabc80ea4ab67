// The tabs beside the stage (chat, ranking; on narrow screens the rooms too), by pointer and arrow keys.

export function tabs(list, page) {
  const all = [...list.querySelectorAll('[role=tab]')];
  const choose = (tab, focus) => {
    page.dataset.tab = tab.dataset.tab;
    for (const other of all) {
      other.setAttribute('aria-selected', String(other === tab));
      other.tabIndex = other === tab ? 0 : -1;
    }
    if (focus) tab.focus();
  };
  for (const tab of all) tab.addEventListener('click', () => choose(tab, false));
  list.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const seen = all.filter((tab) => tab.offsetParent);
    const at = seen.indexOf(document.activeElement);
    choose(seen[(at + step + seen.length) % seen.length], true);
  });
}
