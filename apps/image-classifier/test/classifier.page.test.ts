import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type axe from 'axe-core';
import type { Browser, Page } from 'playwright';

import { digitFromStrokes } from '../src/digit/digit-form.ts';
import { EXAMPLES } from '../src/digit/examples.ts';
import { badFiles } from './support/bad-files.ts';
import {
  answered,
  answeredInk,
  buildPage,
  type BuiltPage,
  draw,
  launchBrowser,
  openPage,
  type ServedPage,
  servePage,
  textOf,
} from './support/page.ts';

const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let built: BuiltPage;
let demo: ServedPage;
let browser: Browser;

beforeAll(async () => {
  built = await buildPage();
  demo = await servePage(built, 'demo');
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await demo?.[Symbol.asyncDispose]();
  await built?.[Symbol.asyncDispose]();
});

/** What is seen of the 28 x 28 pixels that the model sees. */
const seen = (page: Page): Promise<string> =>
  page.locator('#seen').evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());

/** What the page says of the GPU that Chromium computes in software. */
const noGPU = 'WebGPU did not start: this browser has WebGPU in software only.';

/** A stroke, for tests to which it doesn't matter what is drawn. */
const line = [
  [0.4, 0.2],
  [0.5, 0.8],
] as const;

interface LayoutShift extends PerformanceEntry {
  readonly sources: readonly { readonly node: Node | null }[];
}

/** What has moved by itself since the page was opened; runs in the page. */
function jumps(): Promise<string[]> {
  return new Promise((resolve) => {
    const tell = (entries: PerformanceEntryList): void => {
      const sources = (entries as LayoutShift[]).flatMap((shift) => shift.sources);
      resolve(sources.map(({ node }) => (node instanceof Element ? node.outerHTML : (node?.textContent ?? ''))));
    };
    const observer = new PerformanceObserver((list) => tell(list.getEntries()));
    observer.observe({ type: 'layout-shift', buffered: true });
    setTimeout(() => tell(observer.takeRecords()), 500);
  });
}

describe('the page', () => {
  it('classifies an example as it opens, and says what computes', async () => {
    await using opened = await openPage(browser, { url: demo.url });
    const { page } = opened;
    await answered(page);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    expect(await textOf(page, 'engine')).toMatch(/^SIMD · \d+ threads?$/);
    expect(await textOf(page, 'reason')).toBe(noGPU);
    expect(await page.locator('#examples input:checked').getAttribute('value')).toBe('3');
    const shares = await page.locator('#bars .score').allTextContents();
    expect(shares).toHaveLength(10);
    expect(shares.reduce((sum, share) => sum + Number.parseFloat(share), 0)).toBeCloseTo(100, 0);
    expect(`${await textOf(page, 'label')} ${await textOf(page, 'score')}`).toBe(
      `${await page.locator('#bars .top .name').textContent()} ${await page.locator('#bars .top .score').textContent()}`,
    );
  });

  it('runs in a folder of a host that sends no headers, on one thread, and says why', async () => {
    await using host = await servePage(built, 'plain host');
    await using opened = await openPage(browser, { url: host.url });
    await answered(opened.page);
    expect(new URL(opened.page.url()).pathname).toBe('/some/folder/');
    expect(await textOf(opened.page, 'engine')).toBe('SIMD · 1 thread');
    const hasCores = await opened.page.evaluate(() => navigator.hardwareConcurrency > 1);
    const noThreads = hasCores ? ' One thread, as the page is not cross-origin isolated.' : ''; // one core has one anyway
    expect(await textOf(opened.page, 'reason')).toBe(`${noGPU}${noThreads}`);
  });

  it('runs without WebAssembly SIMD in plain JavaScript, and says why', async () => {
    await using opened = await openPage(browser, {
      url: demo.url,
      prepare: async (page) => {
        await page.route('**/formers.worker-*.js', async (route) => {
          const response = await route.fetch();
          await route.fulfill({ response, body: `WebAssembly.validate = () => false; ${await response.text()}` });
        });
      },
    });
    await answered(opened.page);
    expect(await textOf(opened.page, 'engine')).toBe('JavaScript · 1 thread');
    expect(await textOf(opened.page, 'reason')).toBe(
      `${noGPU} SIMD did not start: this machine has no WebAssembly SIMD.`,
    );
  });

  it('draws with the mouse, replaces an example, and clears', async () => {
    await using opened = await openPage(browser, { url: demo.url });
    const { page } = opened;
    await answered(page);
    const example = await seen(page);
    await draw(page, [
      [
        [0.5, 0.2],
        [0.5, 0.8],
      ],
    ]);
    const upright = await seen(page);
    expect(upright).not.toBe(example);
    expect(await page.locator('#examples input:checked').count()).toBe(0);
    await draw(page, [
      [
        [0.2, 0.5],
        [0.8, 0.5],
      ],
    ]);
    expect(await seen(page)).not.toBe(upright);
    await page.getByRole('button', { name: 'Clear' }).click();
    expect(await textOf(page, 'score')).toBe('empty');
    await draw(page, [
      [
        [0.3, 0.3],
        [0.3, 0.6],
      ],
    ]); // another place and size, the same line
    expect(await seen(page)).toBe(upright);
    await expect.poll(() => textOf(page, 'score')).toMatch(/ %$/);
  });

  it('draws with a finger and does not scroll away', async () => {
    await using opened = await openPage(browser, {
      url: demo.url,
      viewport: { width: 390, height: 700 },
      hasTouch: true,
      isMobile: true,
    });
    const { page } = opened;
    await answered(page);
    const before = await seen(page);
    const box = (await page.locator('#pad').boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    const session = await page.context().newCDPSession(page);
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', share: number): Promise<unknown> =>
      session.send('Input.dispatchTouchEvent', {
        type,
        touchPoints: type === 'touchEnd' ? [] : [{ x: box.x + box.width / 2, y: box.y + share * box.height }],
      });
    await touch('touchStart', 0.9);
    for (let share = 0.9; share > 0.1; share -= 0.1) await touch('touchMove', share);
    await touch('touchEnd', 0.1);
    expect(await page.evaluate(() => scrollY)).toBe(0);
    expect(await seen(page)).not.toBe(before);
  });

  it('is used by keyboard: arrow keys choose examples, Enter clears', async () => {
    await using opened = await openPage(browser, { url: demo.url, reducedMotion: 'reduce' });
    const { page } = opened;
    await answered(page);
    for (const id of ['engine-choice', 'theme-choice', 'classify-tab', 'clear', 'file', 'webcam']) {
      await page.keyboard.press('Tab');
      expect(await page.evaluate(() => document.activeElement?.id)).toBe(id);
    }
    await page.keyboard.press('Tab');
    const pictures = new Set<string>();
    for (const label of ['4', '5', '6', '7', '8', '9', '0', '1', '2']) {
      await page.keyboard.press('ArrowRight');
      expect(await page.evaluate(() => (document.activeElement as HTMLInputElement).value)).toBe(label);
      pictures.add(await seen(page));
    }
    expect(pictures.size).toBe(9);
    for (let i = 0; i < 3; i++) await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    expect(await textOf(page, 'score')).toBe('empty');
  });

  it('reads an answer out once, when it rests', async () => {
    const prepare = (page: Page): Promise<void> => page.clock.install({ time: 0 });
    await using opened = await openPage(browser, { url: demo.url, prepare });
    const { page } = opened;
    await expect.poll(() => textOf(page, 'announcement')).toMatch(/^This looks like \d: \d+\.\d %$/);
    await page.evaluate(() => {
      const said: string[] = [];
      Object.assign(window, { said });
      const region = document.getElementById('announcement') as HTMLElement;
      new MutationObserver(() => said.push(region.textContent ?? '')).observe(region, {
        childList: true,
        characterData: true,
        subtree: true,
      });
    });
    await page.clock.pauseAt(3_600_000); // however long the hand, the model or this test takes now: the answer can't rest
    await draw(page, [Array.from({ length: 12 }, (_, i) => [0.2 + 0.05 * i, 0.3 + 0.04 * (i % 3)] as const)]);
    await answeredInk(page);
    const said = (): Promise<string[]> => page.evaluate(() => (window as unknown as { said: string[] }).said);
    await page.clock.runFor(600);
    expect(await said()).toEqual([]);
    await page.clock.runFor(200);
    expect(await said()).toEqual([`This looks like ${await textOf(page, 'label')}: ${await textOf(page, 'score')}`]);
  });
});

describe('files', () => {
  it('shows and classifies a picture: the same answer as for the digit in it', async () => {
    await using opened = await openPage(browser, { url: demo.url });
    const { page } = opened;
    await answered(page);
    const digit = digitFromStrokes(EXAMPLES.find(({ label }) => label === '5')?.strokes ?? []);
    const picture = await sharp(Buffer.from(digit.data), { raw: { width: 28, height: 28, channels: 1 } })
      .png()
      .toBuffer();
    await page.locator('#file').setInputFiles({ name: 'five.png', mimeType: 'image/png', buffer: picture });
    const { probabilities } = await page.evaluate((pixels) => window.formersDemo.classify(pixels), [...digit.data]);
    const [likeliest = 0] = Object.values(probabilities).toSorted((a, b) => b - a);
    await expect.poll(() => textOf(page, 'score')).toBe(`${(100 * likeliest).toFixed(1)} %`);
    expect(await page.locator('#examples input:checked').count()).toBe(0);
  });

  it('says what is wrong with a bad file, and lives on', async () => {
    await using opened = await openPage(browser, { url: demo.url });
    const { page, errors } = opened;
    await answered(page);
    for (const { name, bytes, message } of await badFiles()) {
      await page.locator('#file').setInputFiles({ name, mimeType: 'image/png', buffer: bytes });
      await expect.poll(() => textOf(page, 'message')).toContain(`“${name}”`);
      expect(await textOf(page, 'message')).toMatch(message);
    }
    expect(await page.locator('#message img').count()).toBe(0);
    await draw(page, [line]);
    expect(await textOf(page, 'message')).toBe('');
    await expect.poll(() => textOf(page, 'score')).toMatch(/ %$/);
    expect(errors).toEqual([]);
  });

  it('takes a picture that is dropped on the page', async () => {
    await using opened = await openPage(browser, { url: demo.url });
    const { page } = opened;
    await answered(page);
    const before = await seen(page);
    const picture = await sharp({ create: { width: 300, height: 200, channels: 3, background: 'white' } })
      .composite([
        { input: { create: { width: 20, height: 120, channels: 3, background: 'black' } }, left: 200, top: 40 },
      ])
      .jpeg()
      .toBuffer();
    await page.evaluate(
      (bytes) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(bytes)], 'one.jpg', { type: 'image/jpeg' }));
        const target = document.querySelector('footer') as HTMLElement;
        for (const type of ['dragover', 'drop'])
          target.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }));
      },
      [...picture],
    );
    await expect.poll(() => seen(page)).not.toBe(before);
    expect(await textOf(page, 'message')).toBe('');
  });

  it.each([
    ['the model is missing', '**/model/config.json', { status: 404 }],
    ['it is a page instead', '**/model/config.json', { status: 200, body: '<!doctype html>' }],
    ['it is of another type', '**/model/config.json', { status: 200, body: '{"model_type": "gpt2"}' }],
    ['its weights are cut off', '**/model/model.safetensors', { status: 200, body: 'cut off' }],
    ['the script of the worker is missing', '**/formers.worker-*.js', { status: 404 }],
  ])('says so when %s, and can still be drawn on', async (_, address, answer) => {
    const prepare = async (page: Page): Promise<void> => {
      await page.route(address, (route) => route.fulfill(answer));
    };
    await using opened = await openPage(browser, { url: demo.url, prepare });
    const { page } = opened;
    const message = /^The model could not be loaded\. .{10}/;
    await expect.poll(() => textOf(page, 'message')).toMatch(message);
    expect(await textOf(page, 'engine')).toBe('no model');
    const before = await seen(page);
    await draw(page, [line]);
    expect(await seen(page)).not.toBe(before);
    await expect.poll(() => textOf(page, 'message')).toMatch(message);
  });
});

describe('nothing leaves the page', () => {
  it('asks only its own host for anything', async () => {
    await using opened = await openPage(browser, { url: demo.url });
    const { page, requests, errors } = opened;
    await answered(page);
    await draw(page, [line]);
    await page
      .locator('#file')
      .setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') });
    await expect.poll(() => textOf(page, 'message')).not.toBe('');
    expect(requests.length).toBeGreaterThan(5);
    expect(requests.filter((address) => !address.startsWith(demo.url) && !address.startsWith('blob:'))).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('could not ask anybody else: the policy holds in the page and in its worker', async () => {
    await using host = await servePage(built, 'plain host'); // the policy needs no headers
    const asked: string[] = [];
    await using opened = await openPage(browser, {
      url: host.url,
      prepare: async (page) => {
        await page.route('https://elsewhere.example/**', (route) => {
          asked.push(route.request().url());
          return route.fulfill({ body: 'heard' });
        });
      },
    });
    const { page } = opened;
    await answered(page);
    const ask = (): Promise<string> =>
      fetch('https://elsewhere.example/').then(
        (answer) => answer.text(),
        () => 'refused',
      );
    expect(await page.evaluate(ask)).toBe('refused');
    const [worker] = page.workers();
    if (!worker) throw new Error('the page has no worker');
    expect(await worker.evaluate(ask)).toBe('refused');
    expect(asked).toEqual([]);
  });
});

describe('how it looks', () => {
  it.each(['light', 'dark'] as const)('axe finds no fault (%s)', async (colorScheme) => {
    await using opened = await openPage(browser, { url: demo.url, colorScheme, reducedMotion: 'reduce' });
    const { page } = opened;
    await answered(page);
    await page.evaluate(axeSource);
    const faults = async (): Promise<string[]> => {
      const { violations } = await page.evaluate(() => (window as unknown as { axe: typeof axe }).axe.run());
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
    };
    expect(await faults()).toEqual([]);
    await page
      .locator('#file')
      .setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') });
    await expect.poll(() => textOf(page, 'message')).not.toBe('');
    expect(await faults()).toEqual([]);
    await page.setViewportSize({ width: 360, height: 640 });
    expect(await faults()).toEqual([]);
  });

  it('nothing jumps, and nothing sticks out on a phone', async () => {
    for (const width of [320, 390, 1200]) {
      await using opened = await openPage(browser, { url: demo.url, viewport: { width, height: 800 } });
      const { page } = opened;
      await answered(page);
      await page.getByRole('button', { name: 'Clear' }).click();
      await page
        .locator('#file')
        .setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') });
      await expect.poll(() => textOf(page, 'message')).not.toBe('');
      expect(await page.evaluate(jumps)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    }
  });

  it.each([320, 1200])('nothing jumps while the page comes over a slow connection (%i wide)', async (width) => {
    await using slow = await servePage(built, 'slow demo');
    await using opened = await openPage(browser, { url: slow.url, viewport: { width, height: 800 } });
    await answered(opened.page);
    expect(await opened.page.evaluate(jumps)).toEqual([]);
  });

  it.each([320, 720, 1200])('nothing jumps when the script comes after the first paint (%i wide)', async (width) => {
    await using host = await servePage(built, 'plain host'); // where most is to be said of the engine
    await using opened = await openPage(browser, {
      url: host.url,
      viewport: { width, height: 1700 }, // all of the page
      prepare: async (page) => {
        await page.route('**/assets/index-*.js', async (route) => {
          await page.waitForFunction(() => performance.getEntriesByType('paint').length > 0);
          await route.continue();
        });
      },
    });
    await answered(opened.page);
    expect(await opened.page.evaluate(jumps)).toEqual([]);
  });

  it.each(['system', 'dark'])('draws light on dark when the colours change (%s)', async (way) => {
    await using opened = await openPage(browser, { url: demo.url, colorScheme: 'light' });
    const { page } = opened;
    await answered(page);
    const brightest = (): Promise<number> =>
      page.locator('#pad').evaluate((element) => {
        const canvas = element as HTMLCanvasElement;
        const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? {
          data: new Uint8ClampedArray(),
        };
        return data.reduce((most, level, i) => (i % 4 === 0 ? Math.max(most, level) : most), 0);
      });
    expect(await brightest()).toBeLessThan(60);
    if (way === 'system') await page.emulateMedia({ colorScheme: 'dark' });
    else await page.locator('#theme-choice').selectOption(way);
    await expect.poll(brightest).toBeGreaterThan(200);
    await page.reload();
    await answered(page);
    await expect.poll(brightest).toBeGreaterThan(200);
  });
});
