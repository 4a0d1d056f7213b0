import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { defineConfig, type Plugin } from 'vite';

/**
 * What the built page and its worker may do: run what was served with them, and fetch from where they came. The worker's threads are blobs, and so is
 * the worker (see `start-worker.ts`). Written into the page, so that it holds on every host.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "connect-src 'self'",
  "img-src 'self' blob:",
  "style-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types worker default',
].join('; ');

/** `vite dev` works with inline styles and a socket of its own, which the policy forbids. */
const contentSecurityPolicy: Plugin = {
  name: 'content-security-policy',
  apply: 'build',
  transformIndexHtml: () => [
    { tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content: policy }, injectTo: 'head-prepend' },
  ],
};

/** Writes the list of all files into the service worker, and a version that changes with any of them. */
const offlineFiles: Plugin = {
  name: 'offline-files',
  apply: 'build',
  writeBundle: ({ dir = '' }) => {
    const script = path.join(dir, 'service-worker.js');
    const files = readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(dir, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'))
      .filter((file) => file !== 'service-worker.js')
      .toSorted();
    const hash = createHash('sha256');
    for (const file of files) hash.update(`${file}\n`).update(readFileSync(path.join(dir, file)));
    const manifest = JSON.stringify({ version: hash.digest('hex').slice(0, 16), files });
    const code = readFileSync(script, 'utf8');
    writeFileSync(
      script,
      code.replace(/(['"`])__OFFLINE_MANIFEST__\1/, () => JSON.stringify(manifest)),
    );
  },
};

/** Pages that no other one can reach share memory between threads; frames are refused by a header only. */
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'X-Content-Type-Options': 'nosniff',
};

const root = fileURLToPath(new URL('.', import.meta.url));

export default defineConfig(({ command }) => ({
  root,
  base: './',
  appType: 'mpa', // a file that is missing is an error, not the page
  plugins: [contentSecurityPolicy, offlineFiles],
  build: {
    target: 'es2024',
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: {
        index: path.join(root, 'index.html'),
        'service-worker': path.join(root, 'src/offline/service.worker.ts'),
      },
      output: {
        entryFileNames: ({ name }) => (name === 'service-worker' ? '[name].js' : 'assets/[name]-[hash].js'),
      },
    },
  },
  worker: { format: 'es' },
  define: { IS_BUILT: JSON.stringify(command === 'build') },
  server: { headers },
  preview: { headers: { ...headers, 'Content-Security-Policy': "frame-ancestors 'none'" } },
}));
