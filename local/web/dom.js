// Small helpers to build and find elements. Text always goes in as text, never as markup.

export const $ = (id) => document.getElementById(id);

/** el('li', {class: 'row', title: 't', data: {state: 'sent'}}, 'text', child) */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'class') node.className = value;
    else if (name === 'data') Object.assign(node.dataset, value);
    else if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** A gift's icon: an emoji, or the address of a picture. */
export function picture(symbol) {
  if (/^(https:\/)?\//.test(symbol)) return el('img', { class: 'picture', src: symbol, alt: '', loading: 'lazy' });
  return el('span', { class: 'picture', 'aria-hidden': 'true' }, symbol);
}

export const reducedMotion = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
