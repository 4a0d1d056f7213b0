import { join } from 'node:path';
import { runInNewContext } from 'node:vm';

import { expect, test } from 'vitest';
import { build, type Rolldown } from 'vite';

/** The chunks that Vite makes for browsers out of a source. */
async function bundle(
  entry: string,
  { format, external = [] }: { format: 'es' | 'iife'; external?: string[] },
): Promise<Rolldown.OutputChunk[]> {
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: false,
      lib: { entry, name: 'program', formats: [format] },
      rolldownOptions: { external },
    },
  });
  const outputs = (Array.isArray(result) ? result : [result]) as Rolldown.RolldownOutput[]; // no watcher was asked for
  return outputs.flatMap(({ output }) => output).filter((part) => part.type === 'chunk');
}

test('a bundle for browsers asks for nothing of Node, and loads the hub only when used', async () => {
  const chunks = await bundle(join(import.meta.dirname, '../src/index.ts'), { format: 'es' });
  const main = chunks.find(({ isEntry }) => isEntry);
  expect(chunks.map(({ code }) => code).join('')).not.toMatch(
    /from ["']node:|import\(["']node:|__vite-browser-external/,
  );
  expect(main?.imports).toEqual([]);
  expect(main?.dynamicImports).toHaveLength(1);
  expect(Object.keys(main?.modules ?? {}).filter((path) => path.includes('@huggingface'))).toEqual([]);
});

test('works without process, Buffer and Float16Array', async () => {
  const chunks = await bundle(join(import.meta.dirname, 'support/browser-program.ts'), {
    format: 'iife',
    external: ['@huggingface/hub'],
  });
  const asked: string[] = [];
  const fakeFetch = (url: URL): Promise<Response> => {
    asked.push(url.href);
    return Promise.resolve(new Response('', { status: 404 }));
  };
  const page = {
    TextEncoder,
    TextDecoder,
    Blob,
    AbortSignal,
    URL,
    Request,
    setTimeout,
    clearTimeout,
    location: { href: 'https://example.org/demo/' },
    fetch: fakeFetch,
  };
  const outcome: unknown = await runInNewContext(
    `delete globalThis.Float16Array; ${chunks[0]?.code}; program.run()`,
    page,
  );
  expect(outcome).toEqual({ values: [1.5, 65504, 0], refused: ['unsupported', 'missing-file', 'unsupported'] });
  expect(asked).toEqual(['https://example.org/models/tiny/config.json']);
});
