/** What the build has written into the script: a version, and the files of the page by their names below it. */
interface Manifest {
  readonly version: string;
  readonly files: readonly string[];
}

const { version, files } = JSON.parse('__OFFLINE_MANIFEST__') as Manifest;

/** Caches of other pages of the same host are left alone. */
const PREFIX = 'formers-image-classifier-';

/** What lets a page share memory between threads. A host that doesn't send it is helped out, from the second visit on. */
const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

self.addEventListener('install', (event) => (event as ExtendableEvent).waitUntil(storeFiles()));
self.addEventListener('activate', (event) => (event as ExtendableEvent).waitUntil(dropOldFiles()));
self.addEventListener('fetch', (event) => {
  const asked = event as FetchEvent;
  const { method, url } = asked.request;
  if (method === 'GET' && new URL(url).origin === location.origin) asked.respondWith(answer(asked.request));
});

/** All files or none; a new version waits until no tab shows the old one. */
async function storeFiles(): Promise<void> {
  const cache = await caches.open(PREFIX + version);
  await cache.addAll(files.map((file) => new Request(file, { cache: 'reload' })));
}

async function dropOldFiles(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(
    names.filter((name) => name.startsWith(PREFIX) && name !== PREFIX + version).map((name) => caches.delete(name)),
  );
}

async function answer(request: Request): Promise<Response> {
  const { origin, pathname } = new URL(request.url);
  const address = origin + (pathname.endsWith('/') ? `${pathname}index.html` : pathname);
  const cache = await caches.open(PREFIX + version);
  const found = (await cache.match(address)) ?? (await fetch(request));
  const headers = new Headers(found.headers);
  for (const [name, value] of Object.entries(ISOLATION)) headers.set(name, value);
  const { status, statusText } = found;
  const isEmpty = status === 204 || status === 304;
  return status === 0 ? found : new Response(isEmpty ? null : found.body, { status, statusText, headers });
}
