import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import type { BrowserConfigOptions } from 'vitest/node';
import { chromiumFlags, findChromium } from './scripts/lib/chromium.ts';

const executablePath = findChromium();

/** How long tests may take, and wait for a state: a busy machine stands still for seconds, and computes at a fifth of its speed. */
const patience = { testTimeout: 300_000, hookTimeout: 300_000, expect: { poll: { timeout: 60_000 } } } as const;

/** A function, as vitest writes into what it gives. */
const browser = (): BrowserConfigOptions => ({
  enabled: true,
  headless: true,
  screenshotFailures: false,
  provider: playwright({
    launchOptions: { args: [...chromiumFlags], ...(executablePath === undefined ? {} : { executablePath }) },
  }),
  instances: [{ browser: 'chromium' }],
});

/**
 * Tests that need the system's Chromium: `*.browser.test.ts` run in a page that is isolated from other origins, so that threads can share memory, but for
 * `*.not-isolated.browser.test.ts`; `*.page.test.ts` run in Node, and drive the pages of the apps.
 */
export default defineConfig({
  test: {
    passWithNoTests: true,
    projects: [
      {
        server: {
          headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' },
        },
        test: {
          name: 'in Chromium',
          include: ['packages/*/test/**/*.browser.test.ts', 'apps/*/test/**/*.browser.test.ts'],
          exclude: ['**/*.not-isolated.browser.test.ts'],
          ...patience,
          browser: browser(),
        },
      },
      {
        test: {
          name: 'in Chromium, not isolated',
          include: ['packages/*/test/**/*.not-isolated.browser.test.ts'],
          ...patience,
          browser: browser(),
        },
      },
      {
        test: {
          name: 'pages',
          include: ['apps/*/test/**/*.page.test.ts'],
          ...patience,
        },
      },
    ],
  },
});
