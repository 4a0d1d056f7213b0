import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder: string;
let files: string[];
const read = (file: string): Promise<Buffer> => readFile(path.join(folder, file));

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'formers-build-'));
  const configFile = path.join(import.meta.dirname, '../vite.config.ts');
  await build({ configFile, logLevel: 'error', build: { outDir: folder, emptyOutDir: true } });
  files = (await readdir(folder, { recursive: true })).filter((file) => /\.\w+$/.test(file));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the built page', () => {
  it('has at most 400 kB of JavaScript and WASM, compressed, and 130 kB more for browsers with a GPU', async () => {
    const sizes = { common: 0, gpu: 0 };
    for (const file of files.filter((name) => /\.(js|wasm)$/.test(name))) {
      const bytes = await read(file);
      sizes[bytes.includes('@workgroup_size') ? 'gpu' : 'common'] += gzipSync(bytes, { level: 9 }).length;
    }
    expect(sizes.common).toBeGreaterThan(100_000); // the engine and tfjs are in it
    expect(sizes.common).toBeLessThanOrEqual(400_000);
    expect(sizes.gpu).toBeGreaterThan(10_000);
    expect(sizes.gpu).toBeLessThanOrEqual(130_000);
  });

  it('keeps to a policy: no script or style in the page itself, no code made from strings', async () => {
    const html = (await read('index.html')).toString();
    const policy =
      /<meta http-equiv="Content-Security-Policy" content="([^"]+)">/.exec(html)?.[1]?.replaceAll('&#39;', "'") ?? '';
    for (const rule of [
      "default-src 'none'",
      "script-src 'self' 'wasm-unsafe-eval'",
      "connect-src 'self'",
      "require-trusted-types-for 'script'",
    ]) {
      expect(policy.split('; ')).toContain(rule);
    }
    expect(html.indexOf('Content-Security-Policy')).toBeLessThan(html.search(/<(script|link)/));
    expect(html).not.toMatch(/<style|<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=/);
    for (const file of files.filter((name) => name.endsWith('.js'))) {
      expect((await read(file)).toString(), file).not.toMatch(/\beval\s*\(|\bnew\s+Function\s*\(|\.innerHTML\b/);
    }
  });

  it('names all its files relative to itself', async () => {
    const html = (await read('index.html')).toString();
    const addresses = [...html.matchAll(/(?:src|href)="([^"#][^"]*)"/g)].map(([, address = '']) => address);
    expect(addresses.length).toBeGreaterThanOrEqual(3);
    for (const address of addresses) {
      expect(address).toMatch(/^\.\//);
      expect(files).toContain(path.normalize(address));
    }
  });
});
