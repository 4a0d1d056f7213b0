import { chromium } from 'playwright';
import { chromiumFlags, findChromium } from './chromium.ts';
import type { Visit } from './pages.ts';

/** The system's Chromium, started: `visit` opens a page and waits until it says `done`. */
export async function openBrowser(): Promise<{ visit: Visit } & AsyncDisposable> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error('no Chromium on this machine');
  const browser = await chromium.launch({ executablePath, args: [...chromiumFlags] });
  const visit: Visit = async (address) => {
    const page = await browser.newPage();
    page.setDefaultTimeout(120_000); // the first page under `vite dev` waits until its dependencies are bundled, on a busy machine
    const errors: string[] = [];
    const thrown = new Promise<void>((stop) => {
      page.on('pageerror', (error) => {
        errors.push(String(error));
        stop();
      });
    });
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    try {
      await page.goto(address);
      await Promise.race([page.waitForFunction(() => document.body.textContent?.includes('done')), thrown]);
    } catch (error) {
      errors.push(String(error));
    } finally {
      await page.close();
    }
    return errors;
  };
  return { visit, [Symbol.asyncDispose]: () => browser.close() };
}
