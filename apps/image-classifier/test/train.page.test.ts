import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { unzipSync } from 'fflate';
import type { Browser, Page } from 'playwright';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type axe from 'axe-core';

import {
  answered,
  answeredInk,
  buildPage,
  type BuiltPage,
  draw,
  launchBrowser,
  openPage,
  type OpenPage,
  type ServedPage,
  servePage,
  textOf,
} from './support/page.ts';

const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let built: BuiltPage;
let demo: ServedPage;
let browser: Browser;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'formers-train-'));
  built = await buildPage();
  demo = await servePage(built, 'demo');
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await demo?.[Symbol.asyncDispose]();
  await built?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Opens the tab that trains. */
async function openTraining(options: Partial<Parameters<typeof openPage>[1]> = {}): Promise<OpenPage> {
  const opened = await openPage(browser, { url: `${demo.url}#train`, ...options });
  await opened.page.locator('.train-card').first().waitFor();
  return opened;
}

const stateOf = (page: Page): Promise<string | null> => page.locator('#train').getAttribute('data-state');
const stepOf = async (page: Page): Promise<number> =>
  Number(await page.locator('.train-run').getAttribute('data-step'));
const buttonOf = (page: Page, name: string | RegExp): ReturnType<Page['getByRole']> =>
  page.locator('#train').getByRole('button', { name, exact: typeof name === 'string' });

/**
 * Clicks a button once the training has come so far. In the page, as the training doesn't wait for this process, which may be held up for seconds.
 */
async function clickAt(
  page: Page,
  name: string,
  { step = 0, accuracy = 0, selector = '.train-run' }: { step?: number; accuracy?: number; selector?: string },
): Promise<void> {
  await page.waitForFunction(
    (wanted) => {
      const run = document.querySelector<HTMLElement>('.train-run');
      const shown = Number.parseFloat(document.querySelector('.train-figures dd')?.textContent ?? '') || 0;
      const isThere = Number(run?.dataset['step'] ?? 0) >= wanted.step && shown >= wanted.accuracy;
      if (!isThere || !document.querySelector(wanted.selector)) return false;
      const buttons = [...document.querySelectorAll<HTMLElement>('#train button')];
      buttons.find(({ textContent }) => textContent === wanted.name)?.click();
      return true;
    },
    { name, step, accuracy, selector },
    { polling: 50 },
  );
}

/** Calls `read` until it gives the same after a second. */
async function rested<Value>(page: Page, read: () => Promise<Value>): Promise<Value> {
  let value = await read();
  await expect
    .poll(async () => {
      const before = value;
      await page.waitForTimeout(1000);
      value = await read();
      return value === before;
    })
    .toBe(true);
  return value;
}

/** Makes the page slow at encoding frames, and counts how many it encodes at once; runs in the page. */
function slowFrames(): void {
  let [atOnce, mostAtOnce] = [0, 0];
  class SlowCanvas extends OffscreenCanvas {
    override async convertToBlob(options?: ImageEncodeOptions): Promise<Blob> {
      atOnce++;
      mostAtOnce = Math.max(mostAtOnce, atOnce);
      Object.assign(window, { mostAtOnce });
      await new Promise((resolve) => setTimeout(resolve, 400));
      atOnce--;
      return super.convertToBlob(options);
    }
  }
  Object.assign(window, { OffscreenCanvas: SlowCanvas });
}

/** Mean loss of steps, as the chart's sentence gives it: from ... to .... */
async function lossCourse(page: Page): Promise<{ first: number; last: number }> {
  const words = (await page.locator('.train-charts [role=img]').first().getAttribute('aria-label')) ?? '';
  const [, first, last] = /training from ([\d.e-]+) to ([\d.e-]+)/.exec(words) ?? [];
  return { first: Number(first), last: Number(last) };
}

async function set(page: Page, settings: Readonly<Record<string, number>>): Promise<void> {
  const details = page.locator('.train-settings');
  if ((await details.getAttribute('open')) === null) await details.locator('summary').click();
  for (const [name, value] of Object.entries(settings))
    await page.getByLabel(name, { exact: true }).fill(String(value));
}

/** A photo of a kind: stripes that run down, or across, in colours and places of their own. */
async function stripes(kind: 'down' | 'across', seed: number): Promise<Buffer> {
  const [width, height] = [60 + (seed % 5), 50 + (seed % 7)];
  const data = Buffer.alloc(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const place = kind === 'down' ? pixel % width : Math.floor(pixel / width);
    const isLight = Math.floor((place + seed * 3) / 8) % 2 === 0;
    for (let channel = 0; channel < 3; channel++)
      data[3 * pixel + channel] = (isLight ? 170 : 40) + ((seed * (channel + 3) * 13) % 60);
  }
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

async function stripeFiles(
  kind: 'down' | 'across',
  seeds: readonly number[],
): Promise<{ name: string; mimeType: string; buffer: Buffer }[]> {
  return Promise.all(
    seeds.map(async (seed) => ({
      name: `${kind}-${seed}.png`,
      mimeType: 'image/png',
      buffer: await stripes(kind, seed),
    })),
  );
}

/** A folder of two classes of five stripes each, to train on for as many steps as a test wants. */
async function stripesFolder(): Promise<string> {
  const lines = await mkdtemp(path.join(folder, 'lines-'));
  for (const kind of ['down', 'across'] as const) {
    await mkdir(path.join(lines, kind));
    for (const seed of from(0, 5)) await writeFile(path.join(lines, kind, `${seed}.png`), await stripes(kind, seed));
  }
  return lines;
}

const from = (start: number, count: number): number[] => Array.from({ length: count }, (_, i) => start + i);

/** What stands in the bars, by label. */
const barsOf = (page: Page): Promise<string[]> => page.locator('#bars li').allInnerTexts();

/** A ring on the pad. */
const ring = [
  from(0, 25).map((i) => [0.5 + 0.3 * Math.sin((i * Math.PI) / 12), 0.5 - 0.3 * Math.cos((i * Math.PI) / 12)] as const),
];

describe('training in the page', () => {
  it('learns shapes in one click, pauses, goes on, stops, is used at once, downloaded and loaded again', async () => {
    await using opened = await openTraining();
    const { page, errors, requests } = opened;
    await buttonOf(page, 'Train on shapes').click();
    await clickAt(page, 'Pause', { step: 6 });
    const paused = await rested(page, () => stepOf(page));
    expect(await stateOf(page)).toBe('paused');
    await buttonOf(page, 'Resume').click();
    await expect.poll(() => stepOf(page)).toBeGreaterThan(paused);
    await clickAt(page, 'Stop', { step: 100, accuracy: 90 });
    await expect.poll(() => stateOf(page)).toBe('ended');
    expect(await page.locator('.train-progress-text').textContent()).toMatch(
      /^Stopped after \d+ steps, accuracy \d+\.\d %$/,
    );
    await expect.poll(async () => (await lossCourse(page)).last).toBeLessThan(0.6); // charts are drawn with the next frame
    expect((await lossCourse(page)).first).toBeGreaterThan(1);
    expect(await page.locator('.train-matrix td').count()).toBe(25);

    const downloading = page.waitForEvent('download');
    await buttonOf(page, 'Download (zip)').click();
    const zip = path.join(folder, 'trained-here.zip');
    await (await downloading).saveAs(zip);
    const files = unzipSync(new Uint8Array(await readFile(zip)));
    expect(Object.keys(files).toSorted()).toEqual([
      'README.md',
      'config.json',
      'model.safetensors',
      'preprocessor_config.json',
    ]);
    expect(Buffer.from(files['README.md'] ?? []).toString()).toContain('| triangle | 40 |');

    await buttonOf(page, 'Use it in Classify').click();
    await expect.poll(() => textOf(page, 'model-name')).toBe('Trained here');
    await buttonClear(page);
    await draw(page, ring);
    await answeredInk(page);
    expect(await textOf(page, 'label')).toBe('circle');
    const bars = await barsOf(page);
    expect(bars).toHaveLength(5);

    await using again = await openPage(browser, { url: demo.url });
    await answered(again.page);
    await dropFile(again.page, zip, '#zone');
    await expect.poll(() => again.page.locator('#bars li').count()).toBe(5);
    await again.page.getByRole('tab', { name: 'Classify' }).click();
    await buttonClear(again.page);
    await draw(again.page, ring);
    await expect.poll(() => barsOf(again.page)).toEqual(bars);
    expect(await textOf(again.page, 'label')).toBe('circle');
    expect(errors).toEqual([]);
    for (const address of requests) expect(address).toMatch(new RegExp(`^(${demo.url}|blob:|data:)`));
  });

  it('learns two classes from files and a folder, and tells new files apart; refuses what it can’t learn from', async () => {
    await using opened = await openTraining();
    const { page, errors } = opened;
    const message = page.locator('.train-message');
    await buttonOf(page, 'Start training').click();
    expect(await message.textContent()).toBe('“Class 1” has no images; add some, or remove the class.');
    await buttonOf(page, 'Remove Class 2').click();
    await buttonOf(page, 'Start training').click();
    expect(await message.textContent()).toMatch(/^Two classes or more are needed/);
    const bad = { name: 'notes.png', mimeType: 'image/png', buffer: Buffer.from('no picture at all') };
    await page.getByLabel('Files of Class 1').setInputFiles([bad]);
    await expect
      .poll(() => message.textContent())
      .toBe('“notes.png” can’t be read as an image. Wanted png, jpeg, gif, webp, bmp, got text.');

    await page.getByLabel('Name of the class').fill('down');
    await page.getByLabel('Files of down').setInputFiles(await stripeFiles('down', from(0, 12)));
    await expect.poll(() => page.locator('.train-count').first().textContent()).toBe('12 images');
    const pets = path.join(folder, 'stripes');
    for (const kind of ['down', 'across'] as const) {
      await mkdir(path.join(pets, kind), { recursive: true });
      for (const seed of from(12, kind === 'down' ? 6 : 18))
        await writeFile(path.join(pets, kind, `${seed}.png`), await stripes(kind, seed));
    }
    await writeFile(path.join(pets, 'list.txt'), 'not an image');
    await dropFile(page, pets, '.train-lead');
    await expect.poll(() => page.locator('.train-count').allTextContents()).toEqual(['18 images', '18 images']);

    await set(page, { Steps: 80, 'Images per step': 16 });
    await buttonOf(page, 'Start training').click();
    await expect.poll(() => stateOf(page)).toBe('ended');
    expect(await page.locator('.train-progress-text').textContent()).toMatch(/^Trained after 80 steps, accuracy \d/);
    await buttonOf(page, 'Use it in Classify').click();
    await expect.poll(() => textOf(page, 'model-name')).toBe('Trained here');
    await expect.poll(() => textOf(page, 'label')).toMatch(/^(down|across)$/); // it has said what it takes the example for
    let right = 0;
    for (const kind of ['down', 'across'] as const) {
      for (const file of await stripeFiles(kind, from(100, 5))) {
        await buttonClear(page);
        await page.locator('#file').setInputFiles(file);
        await expect.poll(() => textOf(page, 'score')).toMatch(/ %$/);
        right += (await textOf(page, 'label')) === kind ? 1 : 0;
      }
    }
    expect(right).toBeGreaterThanOrEqual(9);
    expect(errors).toEqual([]);
  });

  it('fine-tunes the head of the loaded model on drawings, by keyboard', async () => {
    await using opened = await openTraining({ reducedMotion: 'reduce' });
    const { page, errors } = opened;
    await expect.poll(() => page.getByLabel('Only the head of the loaded model').isEnabled()).toBe(true);
    await page.getByLabel('Only the head of the loaded model').check();
    const lines = (tilt: number): (readonly (readonly [number, number])[])[] => [
      [
        [0.5 - tilt, 0.15],
        [0.5 + tilt, 0.85],
      ],
    ];
    for (const [name, strokes] of [
      ['Class 1', (i: number) => lines(0.02 * i)],
      ['Class 2', () => ring],
    ] as const) {
      await buttonOf(page, `Draw ${name}`).click();
      for (const i of from(0, 3)) {
        await drawOn(page, '.train-pad', strokes(i));
        await page.keyboard.press('Enter');
      }
      await expect
        .poll(() =>
          page
            .locator('.train-card')
            .filter({ has: page.locator('canvas') })
            .last()
            .locator('.train-count')
            .textContent(),
        )
        .toBe('3 images');
      await buttonOf(page, 'Done').click();
    }
    await set(page, { Steps: 60 });
    await buttonOf(page, 'Start training').focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => stateOf(page)).toBe('ended');
    expect(await page.locator('.train-progress-text').textContent()).toBe('Trained after 60 steps, accuracy 100.0 %');
    expect(await page.locator('.train-matrix').textContent()).toContain('Images that the model learns from');
    expect(await page.locator('#train > [role=status]').textContent()).toContain('Trained after 60 steps');
    expect(errors).toEqual([]);
  });

  it('goes on in another worker when the first one is lost, and asks before the page is left', async () => {
    await using opened = await openTraining();
    const { page } = opened;
    await page.locator('#engine-choice').selectOption('simd'); // with threads, each would be a worker of the page, too
    await expect.poll(() => textOf(page, 'engine')).toBe('SIMD · 1 thread');
    await page.getByLabel('Open a folder with one sub-folder per class').setInputFiles(await stripesFolder());
    await expect.poll(() => page.locator('.train-count').allTextContents()).toEqual(['5 images', '5 images']);
    await set(page, { Steps: 100_000, 'Images per step': 4 }); // it is not over before this test is
    const starting = page.waitForEvent('worker');
    await buttonOf(page, 'Start training').click();
    const worker = await starting;
    await expect.poll(() => page.locator('#train').getAttribute('data-kept')).toMatch(/^\d+$/);
    await worker.evaluate(
      () =>
        void setTimeout(() => {
          throw new Error('the worker breaks');
        }),
    );
    await expect
      .poll(() => page.locator('.train-message').textContent())
      .toMatch(/Another one went on from step \d+\.$/);
    const kept = Number(/step (\d+)/.exec((await page.locator('.train-message').textContent()) ?? '')?.[1]);
    expect(kept).toBeGreaterThanOrEqual(20);
    const keptNow = async (): Promise<number> => Number(await page.locator('#train').getAttribute('data-kept'));
    await expect.poll(keptNow).toBeGreaterThan(kept);
    const asked = new Promise<string>((resolve) => {
      page.once('dialog', (dialog) => {
        resolve(dialog.type());
        void dialog.dismiss();
      });
    });
    await page.close({ runBeforeUnload: true });
    expect(await asked).toBe('beforeunload');
    await buttonOf(page, 'Stop').click();
    await expect.poll(() => stateOf(page)).toBe('ended');
    expect(await stepOf(page)).toBeGreaterThan(kept);
  });

  it('holds the same memory after 500 steps as after 100, and leaves the page its main thread', async () => {
    await using opened = await openTraining();
    const { page } = opened;
    await answered(page);
    await page.getByLabel('Open a folder with one sub-folder per class').setInputFiles(await stripesFolder());
    await expect.poll(() => page.locator('.train-count').allTextContents()).toEqual(['5 images', '5 images']);
    await set(page, { Steps: 520, 'Images per step': 4 });
    await page.locator('#engine-choice').selectOption('simd');
    await expect.poll(() => textOf(page, 'engine')).toBe('SIMD · 1 thread');
    await page.evaluate(() => {
      const held: Record<string, string | undefined>[] = [];
      Object.assign(window, { held });
      const run = document.querySelector('.train-run') as HTMLElement;
      const hold = (): void => {
        const { step, tensors, bytes } = run.dataset;
        held.push({ step, tensors, bytes });
      };
      new MutationObserver(hold).observe(run, { attributes: true });
    });
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
    const processorTime = async (): Promise<{ mainThread: number; all: number }> => {
      const { metrics } = await devtools.send('Performance.getMetrics');
      const valueOf = (name: string): number => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
      return { mainThread: valueOf('TaskDuration'), all: valueOf('ProcessTime') };
    };
    const before = await processorTime();
    await buttonOf(page, 'Start training').click();
    await expect.poll(() => stateOf(page), { timeout: 240_000 }).toBe('ended');
    const held = await page.evaluate(() => (window as unknown as { held: Record<string, string>[] }).held);
    const after = (step: number): Record<string, string>[] => held.filter((each) => Number(each['step']) >= step);
    expect(after(500).length).toBeGreaterThan(0);
    expect(new Set(after(100).map(({ tensors }) => tensors)).size).toBe(1);
    expect(new Set(after(100).map(({ bytes }) => bytes)).size).toBe(1);
    // In processor time, as time that passes tells of all that the machine does: to show how it goes costs the main thread about what a step costs the other
    // threads. If it trained, it would leave them nothing to do.
    const now = await processorTime();
    const mainThread = now.mainThread - before.mainThread;
    const perStep = (now.all - before.all - mainThread) / 520;
    expect(mainThread).toBeGreaterThan(0);
    expect(mainThread / held.length).toBeLessThan(5 * perStep);
  });

  it('records from the camera while a button is held, by pointer or key; without one it says so', async () => {
    await using withCamera = await launchBrowser(
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
    );
    await using recording = await openPage(withCamera, {
      url: `${demo.url}#train`,
      prepare: (page) => page.addInitScript(slowFrames),
    });
    const { page } = recording;
    const record = buttonOf(page, /^Hold to record Class 1/);
    await record.hover();
    await page.mouse.down();
    await expect.poll(() => page.locator('.train-count').first().textContent()).toMatch(/^([3-9]|\d\d) images$/);
    await page.mouse.up();
    expect(await page.locator('.train-camera').isVisible()).toBe(true);
    await rested(page, () => page.locator('.train-count').first().textContent());
    expect(await page.evaluate(() => (window as unknown as { mostAtOnce: number }).mostAtOnce)).toBe(1);
    await buttonOf(page, /^Hold to record Class 2/).focus();
    await page.keyboard.press('Space', { delay: 400 });
    await expect.poll(() => page.locator('.train-count').last().textContent()).toMatch(/^\d+ images?$/);
    await buttonOf(page, 'Turn the camera off').click();
    expect(await page.locator('.train-camera').isVisible()).toBe(false);

    await using opened = await openTraining();
    await buttonOf(opened.page, /^Hold to record Class 1/).click();
    await expect
      .poll(() => opened.page.locator('.train-message').textContent())
      .toMatch(/camera.*Files and drawings work as well/);
  });

  it.each([
    { name: 'light', options: { colorScheme: 'light' } },
    { name: 'dark on a phone', options: { colorScheme: 'dark', viewport: { width: 390, height: 844 } } },
  ] as const)('has no accessibility fault that axe knows, $name', async ({ name, options }) => {
    await using opened = await openTraining({ ...options, bypassCSP: true });
    const { page } = opened;
    const faults = async (): Promise<string[]> => {
      await page.addScriptTag({ content: axeSource });
      const { violations } = await page.evaluate(() => (window as unknown as { axe: typeof axe }).axe.run('#train'));
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
    };
    expect(await faults()).toEqual([]);
    await buttonOf(page, 'Train on shapes').click();
    await page.locator('.train-settings summary').click();
    await clickAt(page, 'Pause', { selector: '.train-matrix table' }); // or it would be over before axe is
    expect(await faults()).toEqual([]);
    await buttonOf(page, 'Stop').click();
    await expect.poll(() => stateOf(page)).toBe('ended');
    expect(await faults()).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    const shots = path.join(tmpdir(), 'formers-image-classifier');
    await mkdir(shots, { recursive: true });
    await page.screenshot({ path: path.join(shots, `train-${name.replaceAll(' ', '-')}.png`), fullPage: true });
  });
});

async function buttonClear(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Clear', exact: true }).first().click();
}

/** Draws on a pad that may be anywhere on the page. */
async function drawOn(
  page: Page,
  selector: string,
  strokes: readonly (readonly (readonly [number, number])[])[],
): Promise<void> {
  const pad = page.locator(selector);
  await pad.scrollIntoViewIfNeeded();
  const box = await pad.boundingBox();
  if (!box) throw new Error(`${selector} is not there`);
  for (const stroke of strokes) {
    for (const [i, [x, y]] of stroke.entries()) {
      await page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: 2 });
      if (i === 0) await page.mouse.down();
    }
    await page.mouse.up();
  }
}

/** Drops a file or folder of the disk on an element, as a hand does. */
async function dropFile(page: Page, file: string, target: string): Promise<void> {
  await page.locator(target).scrollIntoViewIfNeeded();
  const box = await page.locator(target).boundingBox();
  if (!box) throw new Error(`${target} is not there`);
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [file], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await session.send('Input.dispatchDragEvent', { type, x: box.x + 20, y: box.y + 10, data });
}
