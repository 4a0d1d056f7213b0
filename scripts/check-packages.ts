/**
 * Checks that each package can be installed and used alone: packs all of them, looks into the tarballs (contents, publint,
 * attw), installs each in an empty project, and runs it there in Node, under `vite dev` and after `vite build`. With
 * `--browser` the pages are opened in Chromium; else what they load is only asked for.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createConsumers, runInNode } from './lib/consumers.ts';
import { crawl } from './lib/crawl.ts';
import { visitPages } from './lib/pages.ts';
import { run } from './lib/run.ts';
import { packAll, tarballBreaches } from './lib/tarballs.ts';
import { listPublicPackages } from './lib/workspace.ts';

const { values } = parseArgs({ options: { browser: { type: 'boolean' } } });
const folder = mkdtempSync(join(tmpdir(), 'formers-packages-'));
try {
  const built = await run(['turbo', 'run', 'build', '--output-logs=errors-only']);
  if (built.code !== 0) throw new Error(built.output);
  const tarballs = await packAll(listPublicPackages(), join(folder, 'tarballs'));
  const breaches: string[] = [];
  const browser = values.browser === true ? await import('./lib/browser.ts').then(({ open }) => open()) : undefined;
  if (!browser) for (const tarball of tarballs) breaches.push(...(await tarballBreaches(tarball)));
  for (const consumer of await createConsumers(tarballs, join(folder, 'projects'))) {
    if (!browser) breaches.push(...(await runInNode(consumer)));
    breaches.push(...(await visitPages(consumer, browser?.visit ?? crawl)));
  }
  await browser?.close();
  for (const breach of breaches) process.stdout.write(`${breach}\n`);
  process.stdout.write(`${tarballs.length} packages, ${breaches.length} problems\n`);
  process.exitCode = breaches.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
