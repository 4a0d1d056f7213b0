/**
 * Checks that each package can be installed and used alone: packs all of them, looks into the tarballs (contents, publint,
 * attw), installs each in an empty project, and runs it there in Node, under `vite dev` and after `vite build`. With
 * `--browser` the pages are opened in Chromium; else what they load is only asked for.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openBrowser } from './lib/browser.ts';
import { createConsumers, runInNode } from './lib/consumers.ts';
import { crawl } from './lib/crawl.ts';
import { visitPages } from './lib/pages.ts';
import { run } from './lib/run.ts';
import { packAll, tarballBreaches } from './lib/tarballs.ts';
import { listPublicPackages } from './lib/workspace.ts';

/** Breaches of the packed packages, one line each. */
async function checkAll(folder: string): Promise<string[]> {
  const tarballs = await packAll(listPublicPackages(), join(folder, 'tarballs'));
  const breaches: string[] = [];
  for (const tarball of tarballs) breaches.push(...(await tarballBreaches(tarball)));
  for (const consumer of await createConsumers(tarballs, join(folder, 'projects'))) {
    breaches.push(...(await runInNode(consumer)), ...(await visitPages(consumer, crawl)));
  }
  return breaches;
}

/** Breaches that show when the pages of the packed packages are opened in Chromium. */
async function checkInBrowser(folder: string): Promise<string[]> {
  const tarballs = await packAll(listPublicPackages(), join(folder, 'tarballs'));
  const consumers = await createConsumers(tarballs, join(folder, 'projects'));
  await using browser = await openBrowser();
  const breaches: string[] = [];
  for (const consumer of consumers) breaches.push(...(await visitPages(consumer, browser.visit)));
  return breaches;
}

const { values } = parseArgs({ options: { browser: { type: 'boolean' } } });
const built = await run(['turbo', 'run', 'build', '--output-logs=errors-only']);
const folder = mkdtempSync(join(tmpdir(), 'formers-packages-'));
try {
  const check = values.browser === true ? checkInBrowser : checkAll;
  const breaches = built.code === 0 ? await check(folder) : [built.output];
  for (const breach of breaches) process.stdout.write(`${breach}\n`);
  process.exitCode = breaches.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
