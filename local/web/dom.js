// Small helpers to build and find elements. Text always goes in as text, never as markup.

import { hue } from './format.js';

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

/** A user's picture, or the first letter of the nickname on a colour that stays. size: '', small or big. */
export function face({ id, nickname = '', avatar_url: avatar }, size = '') {
  const node = el('span', { class: `face ${size}`, 'aria-hidden': 'true' }, [...nickname][0]?.toUpperCase() ?? '·');
  node.style.setProperty('--hue', hue(id));
  if (!avatar) return node;
  const image = el('img', { src: avatar, alt: '', loading: 'lazy', referrerpolicy: 'no-referrer', onerror: () => image.remove() });
  node.append(image);
  return node;
}

/** A gift's icon: an emoji, or the address of a picture. */
export function picture(symbol) {
  if (/^(https:\/)?\//.test(symbol)) return el('img', { class: 'picture', src: symbol, alt: '', loading: 'lazy' });
  return el('span', { class: 'picture', 'aria-hidden': 'true' }, symbol);
}

/** Runs a step of a form: meanwhile nothing can be typed that its answer would overwrite, and problem says what went wrong. */
export async function attempt(form, problem, step) {
  const fields = form.querySelectorAll('input, textarea, button[type=submit]');
  for (const field of fields) field.disabled = true;
  problem.textContent = '';
  try {
    await step();
  } catch (err) {
    problem.textContent = err.message;
  } finally {
    for (const field of fields) field.disabled = false;
  }
}

export const reducedMotion = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
