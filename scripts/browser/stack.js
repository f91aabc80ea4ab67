// Starts `./local` on free ports with a data folder of its own, and browsers to look at it.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const root = fileURLToPath(new URL('../..', import.meta.url));

async function freeAddress() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

/** Returns {url, stop}; the process's output is shown when it does not come up. BARRAGE_LOCAL is a ./local that is built already. */
export async function startStack({ bots, env = {} }) {
  const folder = mkdtempSync(join(tmpdir(), 'barrage-page-'));
  const binary = process.env.BARRAGE_LOCAL || join(folder, 'local');
  if (!process.env.BARRAGE_LOCAL) {
    const build = spawnSync('go', ['build', '-o', binary, './local'], { cwd: root, encoding: 'utf8' });
    if (build.status !== 0) throw new Error(`go build ./local: ${build.stderr}`);
  }
  const http = await freeAddress();
  const flags = ['--http', http, '--socket', await freeAddress(), '--data', join(folder, 'data'), '--bots', String(bots)];
  for (const part of ['kafka', 'redis', 's3']) flags.push(`--${part}`, await freeAddress());
  const child = spawn(binary, flags, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => { said = (said + text).slice(-8_000); });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    const code = await ended;
    rmSync(folder, { recursive: true, force: true });
    if (code !== 0) throw new Error(`./local ended with ${code}:\n${said}`);
  };
  const until = Date.now() + 60_000;
  while (!(await fetch(`http://${http}/health/ready`).then((answer) => answer.ok, () => false))) {
    if (child.exitCode !== null || Date.now() > until) {
      child.kill('SIGKILL');
      throw new Error(`./local does not serve:\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { url: `http://${http}/`, stop };
}

export function startBrowser() {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
  return chromium.launch({
    executablePath,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}
