import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright';
import { build, type Plugin, preview } from 'vite';

import { chromiumFlags, findChromium } from '../../../../scripts/lib/chromium.ts';
import { percent } from '../../src/page/words.ts';
import { saveUntrainedModel } from './untrained-model.ts';

const app = path.join(import.meta.dirname, '../..');
const configFile = path.join(app, 'vite.config.ts');

/** The model that the page ships. */
export const shippedModel = path.join(app, 'public/model');

/** Whether there is one; without it, the built page gets one that was never trained. */
export const hasShippedModel: boolean = existsSync(path.join(shippedModel, 'config.json'));

/** The page as `pnpm demo` builds it, in a temporary folder. */
export interface BuiltPage extends AsyncDisposable {
  readonly folder: string;
}

/** Builds the page. */
export async function buildPage(): Promise<BuiltPage> {
  const folder = await mkdtemp(path.join(tmpdir(), 'formers-page-'));
  await build({ configFile, logLevel: 'error', build: { outDir: folder, emptyOutDir: true } });
  const model = path.join(folder, 'model');
  await (hasShippedModel ? cp(shippedModel, model, { recursive: true }) : saveUntrainedModel(model));
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

/** A server of a built page. */
export interface ServedPage extends AsyncDisposable {
  readonly url: string;
}

/** The text of a page, element by element. */
async function* elements(file: string): AsyncGenerator<string> {
  const html = await readFile(file, 'utf8');
  for (const piece of html.split(/(?=<(?:p|button|label|div|fieldset|section|figure|ol|footer)[ >])/)) {
    yield piece;
    await delay(25);
  }
}

/** Sends the page as a slow connection does. */
const slowly: Plugin = {
  name: 'slowly',
  configurePreviewServer({ middlewares, config }) {
    middlewares.use((request, response, next) => {
      if (request.url !== '/') return next();
      response.setHeader('Content-Type', 'text/html');
      Readable.from(elements(path.join(config.build.outDir, 'index.html'))).pipe(response);
    });
  },
};

/** Serves a built page as `pnpm demo` does, or slowly so, or as a host that sends no headers, in a folder of its own. */
export async function servePage({ folder }: BuiltPage, host: 'demo' | 'slow demo' | 'plain host'): Promise<ServedPage> {
  const common = { root: app, logLevel: 'error', build: { outDir: folder } } as const;
  const server = await (host === 'plain host'
    ? preview({ ...common, configFile: false, appType: 'mpa', base: '/some/folder/', preview: { port: 0 } })
    : preview({ ...common, configFile, plugins: host === 'slow demo' ? [slowly] : [], preview: { port: 0 } }));
  return { url: server.resolvedUrls?.local[0] ?? '', [Symbol.asyncDispose]: () => server.close() };
}

/** How long a page may take for anything: a busy machine stands still for seconds, and computes at a fifth of its speed. */
const PATIENCE = 60_000;

/** The system's Chromium, with further flags. */
export function launchBrowser(...flags: readonly string[]): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error('no Chromium on this machine');
  return chromium.launch({ executablePath, args: [...chromiumFlags, ...flags], timeout: PATIENCE });
}

/** A page with what it said and asked for. */
export interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  /** Errors that were thrown or logged. */
  readonly errors: string[];
  /** Addresses of all requests, the worker's too. */
  readonly requests: string[];
}

/** Opens an address in a profile of its own, before anything is loaded; `prepare` can put routes in its way. Without a service worker, unless told. */
export async function openPage(
  browser: Browser,
  { url, prepare, ...options }: BrowserContextOptions & { url: string; prepare?: (page: Page) => Promise<unknown> },
): Promise<OpenPage> {
  const context = await browser.newContext({ serviceWorkers: 'block', ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const errors: string[] = [];
  const requests: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(`${message.text()} ${message.location().url}`);
  });
  page.on('request', (request) => requests.push(request.url()));
  await prepare?.(page);
  await page.goto(url);
  return { page, errors, requests, [Symbol.asyncDispose]: () => context.close() };
}

/** Waits for the first answer. */
export async function answered(page: Page): Promise<void> {
  await page.waitForFunction(() => document.getElementById('latency')?.textContent?.endsWith('ms'));
}

/** The text of an element of the page. */
export async function textOf(page: Page, id: string): Promise<string> {
  return (await page.locator(`#${id}`).textContent()) ?? '';
}

/** Waits for the answer to the ink that the model sees now: the one before may still be shown, or one on the way. */
export async function answeredInk(page: Page): Promise<void> {
  const shares = await page.evaluate(async () => {
    const canvas = document.getElementById('seen') as HTMLCanvasElement;
    const { data = [] } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? {};
    const ink = Array.from({ length: data.length / 4 }, (_, pixel) => data[4 * pixel + 3] ?? 0);
    return Array.from((await window.formersDemo.classify(ink)).probabilities);
  });
  await page.waitForFunction(
    (wanted) => Array.from(document.querySelectorAll('#bars .score'), (bar) => bar.textContent).join() === wanted,
    shares.map((share) => percent(share)).join(),
  );
}

/** Moves the mouse along strokes on the pad. */
export async function draw(page: Page, strokes: readonly (readonly (readonly [number, number])[])[]): Promise<void> {
  const pad = page.locator('#pad');
  await pad.scrollIntoViewIfNeeded();
  const box = await pad.boundingBox();
  if (!box) throw new Error('the pad is not there');
  for (const stroke of strokes) {
    for (const [i, [x, y]] of stroke.entries()) {
      await page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: 4 });
      if (i === 0) await page.mouse.down();
    }
    await page.mouse.up();
  }
}
