// What the tests of the page share: a platform of their own, people with browsers, and what the pages complained about.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { root, startBrowser, startStack } from './stack.js';

export const artifacts = join(root, 'artifacts');
const wide = { width: 1440, height: 860 };

/** A platform for all tests of a file; env returns more settings of its. */
export function world({ bots, env = async () => ({}) }) {
  const complaints = []; // what the pages' consoles said
  let stack;
  let browser;

  before(async () => {
    mkdirSync(artifacts, { recursive: true });
    stack = await startStack({ bots, env: await env() });
    browser = await startBrowser();
  }, { timeout: 180_000 });

  after(async () => {
    await browser?.close();
    await stack?.stop();
  });

  /** A person with a browser of their own; without a name, a guest. */
  async function visitor(name, { prepare = async () => {}, ...options } = {}) {
    const context = await browser.newContext({ viewport: wide, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    page.on('console', (message) => { if (message.type() === 'error') complaints.push(`${name}: ${message.text()}`); });
    page.on('pageerror', (err) => complaints.push(`${name}: ${err.message}`));
    await prepare(page);
    await page.goto(stack.url);
    await page.waitForSelector('#account:enabled'); // the page is wired: a click before that would be lost
    if (name) {
      await page.click('#account');
      await page.click(`[data-user=${name}]`);
      await page.waitForSelector('#composer-text:enabled');
    }
    return page;
  }

  return { complaints, visitor };
}

export async function say(page, text) {
  await page.fill('#composer-text', text);
  await page.press('#composer-text', 'Enter');
}

export const row = (page, text) => page.locator('#messages .row', { hasText: text });
export const acked = (page, text) => page.locator('#messages .row[data-state=sent]', { hasText: text }).waitFor();
export const leave = (...pages) => Promise.all(pages.map((page) => page.context().close()));
