import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { cpu, useBackend } from '@formers/backend';
import { parseSafetensors, toFloat32 } from '@formers/checkpoints';
import { loadImage } from '@formers/images';
import { attentionOf, attentionRollout } from '@formers/visualization';
import { DeiTForImageClassificationWithTeacher } from '@formers/vit';
import type axe from 'axe-core';
import { zipSync } from 'fflate';
import type { Browser, Page } from 'playwright';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { digitFromStrokes } from '../src/digit/digit-form.ts';
import { EXAMPLES } from '../src/digit/examples.ts';
import { type Explanation, ImageClassifier } from '../src/model/image-classifier.ts';
import { badModels } from './support/bad-models.ts';
import { serveModel } from './support/model-server.ts';
import {
  answered,
  buildPage,
  type BuiltPage,
  launchBrowser,
  openPage,
  type ServedPage,
  servePage,
  textOf,
} from './support/page.ts';

const fixture = path.join(import.meta.dirname, 'fixtures/vit-imgcls');
const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let built: BuiltPage;
let demo: ServedPage;
let browser: Browser;
let folder: string;
let photo: Buffer;

beforeAll(async () => {
  built = await buildPage();
  demo = await servePage(built, 'demo');
  browser = await launchBrowser('--use-fake-device-for-media-stream');
  folder = await mkdtemp(path.join(tmpdir(), 'formers-deit-'));
  await useBackend(cpu());
  await saveDeiT(folder);
  photo = await sharp(Buffer.from(Uint8Array.from({ length: 60 * 40 * 3 }, (_, i) => (i * 7919) % 253)), {
    raw: { width: 60, height: 40, channels: 3 },
  })
    .png()
    .toBuffer();
});
afterAll(async () => {
  await browser?.close();
  await demo?.[Symbol.asyncDispose]();
  await built?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** A DeiT with a teacher, never trained, with a preprocessor of its own and labels that people could read. */
async function saveDeiT(target: string): Promise<void> {
  const shape = { imageSize: 32, patchSize: 8, dim: 24, numHeads: 3, numLayers: 3, initStd: 0.4 };
  const labels = ['tabby cat', 'golden retriever', 'barn owl', 'red fox'];
  using model = new DeiTForImageClassificationWithTeacher({ ...shape, labels }, { seed: 3 });
  await model.savePretrained(target);
  const processor = { image_processor_type: 'DeiTImageProcessor', size: 36, crop_size: 32, resample: 3 };
  await writeFile(path.join(target, 'preprocessor_config.json'), JSON.stringify(processor));
}

/** Drops files on a place of the page. */
async function drop(page: Page, files: readonly { name: string; bytes: Buffer }[], selector = 'footer'): Promise<void> {
  const sent = files.map(({ name, bytes }) => ({ name, text: bytes.toString('base64') }));
  await page.evaluate(
    ([all, place]) => {
      const transfer = new DataTransfer();
      for (const { name, text } of all)
        transfer.items.add(new File([Uint8Array.from(atob(text), (character) => character.charCodeAt(0))], name));
      for (const type of ['dragover', 'drop'])
        document
          .querySelector(place)
          ?.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }));
    },
    [sent, selector] as const,
  );
}

const inUse = (page: Page, name: string): Promise<void> => expect.poll(() => textOf(page, 'model-name')).toBe(name);

async function zipOf(source: string): Promise<Buffer> {
  const names = ['config.json', 'model.safetensors', 'preprocessor_config.json'];
  const files = await Promise.all(
    names.map(async (name) => [`deit/${name}`, await readFile(path.join(source, name))] as const),
  );
  return Buffer.from(zipSync(Object.fromEntries(files)));
}

/** What the page says of each class, by label. */
async function scores(page: Page): Promise<Record<string, string>> {
  return page
    .locator('#bars li')
    .evaluateAll((items) =>
      Object.fromEntries(
        items.map((item) => [
          item.querySelector('.name')?.textContent ?? '',
          item.querySelector('.score')?.textContent ?? '',
        ]),
      ),
    );
}

describe('models', () => {
  it('takes a Hugging Face folder that is dropped, and has its logits', async () => {
    await using opened = await openPage(browser, { url: demo.url });
    const { page, errors } = opened;
    await answered(page);
    const names = ['config.json', 'model.safetensors'];
    await drop(
      page,
      await Promise.all(names.map(async (name) => ({ name, bytes: await readFile(path.join(fixture, name)) }))),
    );
    await inUse(page, 'your model');
    expect(await textOf(page, 'model-facts')).toMatch(
      /Images24 × 24, colours.*Layers2, with 4 attention heads.*that of ViT is assumed/,
    );
    const inputs = parseSafetensors(await readFile(path.join(fixture, 'inputs.safetensors')));
    const outputs = parseSafetensors(await readFile(path.join(fixture, 'outputs.safetensors')));
    const pixels = toFloat32(inputs.tensors.get('pixel_values')!);
    const wanted = toFloat32(outputs.tensors.get('logits')!); // [3, 5]
    for (let image = 0; image < 3; image++) {
      const values = [...pixels.subarray(image * 3 * 24 * 24, (image + 1) * 3 * 24 * 24)];
      const logits = await page.evaluate(async (all) => [...(await window.formersDemo.logits(all))], values);
      logits.forEach((logit, label) => {
        const golden = wanted[image * 5 + label] ?? Number.NaN;
        expect(Math.abs(logit - golden)).toBeLessThanOrEqual(1e-5 + 1e-4 * Math.abs(golden));
      });
    }
    expect(Object.keys(await scores(page))).toEqual(['LABEL_0', 'LABEL_1', 'LABEL_2', 'LABEL_3', 'LABEL_4']);
    expect(errors).toEqual([]);
  });

  it.each(['zip', 'folder button', 'URL'])(
    'reads a DeiT with its preprocessor and labels (%s), and says of a picture what Node says',
    async (way) => {
      await using server = await serveModel(folder);
      await using opened = await openPage(browser, { url: demo.url });
      const { page, errors } = opened;
      await answered(page);
      await page.locator('#model-tab').click();
      if (way === 'zip') await drop(page, [{ name: 'deit.zip', bytes: await zipOf(folder) }]);
      else if (way === 'URL') {
        await page.locator('#model-address').fill(server.url);
        await page.getByRole('button', { name: 'Load' }).click();
      } else await page.locator('#model-folder').setInputFiles(folder);
      await expect.poll(() => textOf(page, 'model-stage')).toContain('is in use');
      await page.locator('#classify-tab').click();
      await page.locator('#file').setInputFiles({ name: 'photo.png', mimeType: 'image/png', buffer: photo });

      using classifier = await ImageClassifier.open(folder);
      const { probabilities } = await classifier.classify(await loadImage(photo));
      const wanted = Object.fromEntries(
        classifier.config.labels.map((label, i) => [label, `${(100 * (probabilities[i] ?? 0)).toFixed(1)} %`]),
      );
      await expect.poll(() => scores(page)).toEqual(wanted);
      const likeliest = classifier.config.labels[probabilities.indexOf(Math.max(...probabilities))];
      expect(await textOf(page, 'label')).toBe(likeliest);
      expect(await page.locator('#seen').getAttribute('width')).toBe('32');
      expect(await textOf(page, 'message')).toBe('');
      if (way === 'URL') {
        expect(server.asked).toContain('GET /models/tiny/model.safetensors'); // and no referrer
        expect(new Set(server.asked.map((line) => line.split(' ').length))).toEqual(new Set([2]));
      }
      expect(errors.filter((error) => !error.includes('404'))).toEqual([]);

      await page.locator('#model-tab').click();
      await page.locator('#model-default').click();
      await inUse(page, 'Digits');
    },
  );

  it('says what is wrong with files that are no model, and lives on with the one before', async () => {
    await using opened = await openPage(browser, { url: demo.url });
    const { page, errors } = opened;
    await answered(page);
    for (const { what, files, message } of badModels()) {
      await page.locator('#model-files').setInputFiles(files);
      await expect.poll(() => textOf(page, 'message'), { message: what }).toMatch(message);
      await expect.poll(() => page.locator('#model-stop').isDisabled()).toBe(true);
    }
    expect(await textOf(page, 'model-name')).toBe('Digits');
    await page.locator('#classify-tab').click();
    await page.locator('#examples input[value="7"]').check();
    await expect.poll(() => textOf(page, 'label')).toBe('7');
    expect(errors).toEqual([]);
  });

  it('says so when a URL fails halfway, or has nothing', async () => {
    await using server = await serveModel(folder, { cut: ['model.safetensors'] });
    await using opened = await openPage(browser, { url: demo.url });
    const { page } = opened;
    await answered(page);
    await page.locator('#model-tab').click();
    for (const [address, message] of [
      [server.url, /broke off|Failed to fetch|network/i],
      [demo.url, /config\.json/],
      ['no model/at all', /at all/],
    ] as const) {
      await page.locator('#model-address').fill(address);
      await page.getByRole('button', { name: 'Load' }).click();
      await expect.poll(() => textOf(page, 'message')).toMatch(message);
    }
    expect(await textOf(page, 'model-name')).toBe('Digits');
    await page.locator('#classify-tab').click();
    await page.locator('#examples input[value="1"]').check();
    await expect.poll(() => textOf(page, 'label')).toBe('1');
  });
});

describe('why', () => {
  const heats = (page: Page): Promise<number[]> =>
    page
      .locator('[role=gridcell]')
      .evaluateAll((cells) => cells.map((cell) => Number((cell as HTMLElement).style.getPropertyValue('--heat'))));
  const relative = (shares: Float64Array): unknown[] =>
    Array.from(shares, (share) => expect.closeTo(share / Math.max(...shares), 2));
  const mapsOf = ({ attentions: values, numLayers, numHeads, numTokens }: Explanation) => ({
    values,
    numLayers,
    numHeads,
    numTokens,
  });

  it('shows the attention that the library computes: rollout, a head, what a patch attends to', async () => {
    using classifier = await ImageClassifier.open(path.join(built.folder, 'model'));
    const explanation = await classifier.explain(
      digitFromStrokes(EXAMPLES.find(({ label }) => label === '3')?.strokes ?? []),
    );
    const maps = mapsOf(explanation);
    await using opened = await openPage(browser, { url: demo.url });
    const { page, errors } = opened;
    await answered(page);
    await page.locator('#why-tab').click();
    await expect.poll(async () => (await heats(page)).length).toBe(49);
    expect(await heats(page)).toEqual(relative(attentionRollout(maps).subarray(1, 50)));
    await page.getByRole('radio', { name: 'layer 3, head 2' }).check();
    expect(await heats(page)).toEqual(relative(attentionOf(maps, { layer: 2, head: 1, token: 0 }).subarray(1)));
    await page.getByRole('gridcell').nth(24).hover();
    await expect
      .poll(() => heats(page))
      .toEqual(relative(attentionOf(maps, { layer: 2, head: 1, token: 25 }).subarray(1)));
    await page.getByRole('gridcell').nth(10).focus();
    await page.keyboard.press('ArrowDown');
    await expect
      .poll(() => heats(page))
      .toEqual(relative(attentionOf(maps, { layer: 2, head: 1, token: 18 }).subarray(1)));
    expect(errors).toEqual([]);
  });

  it('knows the two tokens of a DeiT, and follows another model', async () => {
    using classifier = await ImageClassifier.open(folder);
    const maps = mapsOf(await classifier.explain(await loadImage(photo)));
    await using opened = await openPage(browser, { url: demo.url });
    const { page } = opened;
    await answered(page);
    await drop(page, [{ name: 'deit.zip', bytes: await zipOf(folder) }]);
    await inUse(page, 'deit');
    await page.locator('#file').setInputFiles({ name: 'photo.png', mimeType: 'image/png', buffer: photo });
    await page.locator('#why-tab').click();
    await expect.poll(() => heats(page)).toEqual(relative(attentionRollout(maps).subarray(2, 18)));
  });
});

describe('engines', () => {
  it('are switched while the page is used, with the same answers', async () => {
    await using opened = await openPage(browser, { url: demo.url });
    const { page, errors } = opened;
    await answered(page);
    const digit = [...digitFromStrokes(EXAMPLES.find(({ label }) => label === '5')?.strokes ?? []).data];
    const classify = (): Promise<number[]> =>
      page.evaluate(async (pixels) => [...(await window.formersDemo.classify(pixels)).logits], digit);
    const wanted = await classify();
    await page.locator('#examples input[value="5"]').check();
    for (const [engine, badge] of [
      ['cpu', /^JavaScript · 1 thread$/],
      ['webgpu', /^WebGPU · .+/],
      ['simd', /^SIMD · 1 thread$/],
      ['simd-threads', /^SIMD · \d+ threads?$/],
    ] as const) {
      await page.locator('#engine-choice').selectOption(engine);
      await expect.poll(() => textOf(page, 'engine')).toMatch(badge);
      const logits = await classify();
      logits.forEach((logit, label) =>
        expect(Math.abs(logit - (wanted[label] ?? Number.NaN)), engine).toBeLessThan(1e-3),
      );
      await expect.poll(() => textOf(page, 'label')).toBe('5');
    }
    const threads = Number(/\d+/.exec(await textOf(page, 'engine'))?.[0]);
    await expect.poll(() => page.workers().length).toBeLessThanOrEqual(threads); // the ones before are gone, with their threads
    expect(await textOf(page, 'message')).toBe('');
    expect(errors).toEqual([]);
  });

  it('may be switched before the first model is there', async () => {
    const switched = Promise.withResolvers<void>();
    await using opened = await openPage(browser, {
      url: demo.url,
      prepare: (page) => page.route('**/model/config.json', (route) => switched.promise.then(() => route.continue())),
    });
    const { page } = opened;
    for (const engine of ['simd', 'cpu']) await page.locator('#engine-choice').selectOption(engine);
    switched.resolve();
    await answered(page);
    expect(await textOf(page, 'engine')).toBe('JavaScript · 1 thread');
    expect(await textOf(page, 'size')).toBe('205,066 parameters');
    expect(await textOf(page, 'message')).toBe('');
  });

  it('hold no more after 1,000 classifications than after 10', async () => {
    await using opened = await openPage(browser, { url: demo.url });
    const { page } = opened;
    await answered(page);
    const figures = await page.evaluate(async () => {
      const pixels = Uint8Array.from({ length: 784 }, (_, i) => (i * 37) % 256);
      const classify = async (times: number): Promise<{ numTensors: number; numBytes: number }> => {
        for (let i = 0; i < times; i++) await window.formersDemo.classify(pixels);
        return window.formersDemo.memory();
      };
      return [await classify(10), await classify(1000)];
    });
    expect(figures[0]?.numTensors).toBeGreaterThan(50);
    expect(figures[1]).toEqual(figures[0]);
  });
});

interface SlowCamera {
  /** What gives the camera to those who asked for it. */
  readonly asked: (() => void)[];
}

/** Lets the camera wait until it is given; runs in the page. */
function slowCamera(): void {
  const asked: (() => void)[] = [];
  Object.assign(window, { asked });
  const { mediaDevices } = navigator;
  const getUserMedia = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = async (constraints) => {
    await new Promise<void>((give) => void asked.push(give));
    return getUserMedia(constraints);
  };
}

describe('pictures', () => {
  it('are pasted', async () => {
    await using opened = await openPage(browser, { url: demo.url });
    const { page } = opened;
    await answered(page);
    const { data } = digitFromStrokes(EXAMPLES.find(({ label }) => label === '0')?.strokes ?? []);
    const picture = await sharp(Buffer.from(data), { raw: { width: 28, height: 28, channels: 1 } })
      .png()
      .toBuffer();
    await page.evaluate((text) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(atob(text), (character) => character.charCodeAt(0))], 'zero.png'));
      dispatchEvent(new ClipboardEvent('paste', { clipboardData: transfer }));
    }, picture.toString('base64'));
    await expect.poll(() => textOf(page, 'label')).toBe('0');
  });

  it('come from the webcam, frame after frame, until it is stopped', async () => {
    const prepare = (page: Page): Promise<unknown> => page.addInitScript(slowCamera);
    await using opened = await openPage(browser, { url: demo.url, permissions: ['camera'], prepare });
    const { page, errors } = opened;
    await answered(page);
    for (let i = 0; i < 2; i++) await page.locator('#webcam').click(); // the second time out of impatience
    expect(await page.evaluate(() => (window as unknown as SlowCamera).asked.map((give) => give()).length)).toBe(1);
    await expect.poll(() => page.locator('#webcam').getAttribute('aria-pressed')).toBe('true');
    const latencies = new Set<string>();
    await expect.poll(async () => latencies.add(await textOf(page, 'latency')).size).toBeGreaterThan(3);
    await page.locator('#webcam').click();
    expect(await page.locator('#video').isHidden()).toBe(true);
    expect(errors).toEqual([]);
  });

  it('need the permission to use the webcam, and the page says so', async () => {
    await using opened = await openPage(browser, { url: demo.url });
    const { page } = opened;
    await answered(page);
    await page.locator('#webcam').click();
    await expect.poll(() => textOf(page, 'message')).toMatch(/not allowed this page to use the camera/);
    expect(await page.locator('#webcam').getAttribute('aria-pressed')).toBe('false');
  });
});

describe('the whole page', () => {
  it('works without a connection after the first visit, and gives itself threads from the second one on', async () => {
    await using host = await servePage(built, 'plain host');
    await using opened = await openPage(browser, { url: host.url, serviceWorkers: 'allow' });
    const { page } = opened;
    const context = page.context();
    await answered(page);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
    const state = (): Promise<string | undefined> =>
      page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.active?.state);
    await expect.poll(state).toBe('activated');
    await page.close();
    await context.setOffline(true);
    const later = await context.newPage();
    await later.goto(host.url);
    await answered(later);
    expect(await later.evaluate(() => crossOriginIsolated)).toBe(true);
    await later.locator('#examples input[value="7"]').check();
    await expect.poll(() => textOf(later, 'label')).toBe('7');
    await later.locator('#engine-choice').selectOption('cpu');
    await expect.poll(() => textOf(later, 'engine')).toMatch(/^JavaScript/);
    await later.locator('#why-tab').click();
    await expect.poll(() => later.locator('[role=gridcell]').count()).toBe(49);
  });

  it.each(['light', 'dark'] as const)(
    'has no accessibility fault in any panel, wide or on a phone (%s)',
    async (colorScheme) => {
      await using opened = await openPage(browser, { url: demo.url, colorScheme, reducedMotion: 'reduce' });
      const { page, errors } = opened;
      await answered(page);
      await page.evaluate(axeSource);
      const faults = async (): Promise<string[]> => {
        const { violations } = await page.evaluate(() => (window as unknown as { axe: typeof axe }).axe.run());
        return violations.map(
          ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(' ')}`,
        );
      };
      for (const width of [1200, 360]) {
        await page.setViewportSize({ width, height: 800 });
        for (const tab of ['why', 'model', 'classify']) {
          await page.locator(`#${tab}-tab`).click();
          if (tab === 'why') await expect.poll(() => page.locator('[role=gridcell]').count()).toBe(49);
          expect(await faults(), `${tab} ${width}`).toEqual([]);
          expect(
            await page.evaluate(() => document.documentElement.scrollWidth),
            `${tab} ${width}`,
          ).toBeLessThanOrEqual(width);
        }
      }
      expect(errors).toEqual([]); // of the policy, too
    },
  );

  it('has tabs that are walked by arrow keys, and an address for each', async () => {
    await using opened = await openPage(browser, { url: `${demo.url}#model` });
    const { page } = opened;
    expect(await page.locator('#model').isVisible()).toBe(true);
    await page.locator('#model-tab').focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('#classify').isVisible()).toBe(true);
    await page.keyboard.press('ArrowRight');
    expect(await page.evaluate(() => location.hash)).toBe('#why');
    await page.keyboard.press('End');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('model-tab');
  });
});
