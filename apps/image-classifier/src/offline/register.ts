import { trusted } from '../worker/start-worker.ts';

/**
 * Keeps the page for visits without a connection, and gives the headers that threads need where the host doesn't.
 *
 * @param onIsolating Called where the next visit will have threads, and this one has not.
 */
export async function keepOffline(onIsolating: () => void): Promise<void> {
  if (!IS_BUILT || !('serviceWorker' in navigator)) return;
  try {
    const url = new URL('service-worker.js', document.baseURI).href;
    const { installing } = await navigator.serviceWorker.register(trusted(url));
    if (crossOriginIsolated) return;
    if (installing) await new Promise((resolve) => installing.addEventListener('statechange', resolve));
    onIsolating();
  } catch {
    // Pages of private windows, or of files, have no service worker: they work while there is a connection.
  }
}
