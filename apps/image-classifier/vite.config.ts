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

/** Pages that no other one can reach share memory between threads; frames are refused by a header only. */
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'X-Content-Type-Options': 'nosniff',
};

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  appType: 'mpa', // a file that is missing is an error, not the page
  plugins: [contentSecurityPolicy],
  build: { target: 'es2024', modulePreload: { polyfill: false }, reportCompressedSize: false, assetsInlineLimit: 0 },
  worker: { format: 'es' },
  server: { headers },
  preview: { headers: { ...headers, 'Content-Security-Policy': "frame-ancestors 'none'" } },
});
