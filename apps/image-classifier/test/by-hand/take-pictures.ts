/** Takes the pictures of the page that lie in `docs`: npx pnpm@12 exec node apps/image-classifier/test/by-hand/take-pictures.ts */
import path from 'node:path';

import type { Page } from 'playwright';
import sharp from 'sharp';

import { answered, buildPage, launchBrowser, openPage, servePage } from '../support/page.ts';

const docs = path.join(import.meta.dirname, '../../docs');
const wide = { viewport: { width: 1200, height: 900 } } as const;
const LOOKS = {
  light: wide,
  dark: { ...wide, colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
} as const;

/** What is done before each picture. */
const STATES: Readonly<Record<string, (page: Page) => Promise<unknown>>> = {
  classify: async () => {},
  why: async (page) => {
    await page.locator('#why-tab').click();
    await page.getByRole('radio', { name: 'layer 1, mean of its heads' }).check();
  },
  train: async (page) => {
    await page.locator('#train-tab').click();
    await page.getByRole('button', { name: 'Train on shapes' }).click();
    await page.locator('.train[data-state=ended]').waitFor({ timeout: 300_000 });
  },
  model: (page) => page.locator('#model-tab').click(),
};

await using built = await buildPage();
await using served = await servePage(built, 'demo');
const browser = await launchBrowser();
for (const [look, options] of Object.entries(LOOKS))
  for (const [state, prepare] of Object.entries(STATES)) {
    await using opened = await openPage(browser, { url: served.url, reducedMotion: 'reduce', ...options });
    await answered(opened.page);
    await prepare(opened.page);
    await opened.page.mouse.move(0, 0);
    const picture = await opened.page.screenshot({ fullPage: true });
    const file = path.join(docs, `${state}-${look}.png`);
    await sharp(picture).png({ palette: true, colours: 128 }).toFile(file);
    console.log(file);
  }
await browser.close();
