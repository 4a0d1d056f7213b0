import path from 'node:path';

import { describe, expect, test } from 'vitest';
import { build, type Rolldown } from 'vite';

const source = path.join(import.meta.dirname, '../src');

/** Bundles a program, and tells which packages of the workspace are in its chunks: those loaded at once, and those that may be loaded later. */
async function bundle(code: string): Promise<{ atOnce: Set<string>; later: Set<string> }> {
  const id = '\0program';
  const { output } = (await build({
    configFile: false,
    logLevel: 'silent',
    root: path.dirname(source),
    build: {
      write: false,
      minify: false,
      rolldownOptions: { input: 'program', external: [/^@tensorflow\//, /^node:/, 'sharp'] },
    },
    plugins: [
      {
        name: 'program',
        resolveId: (name: string) => (name === 'program' ? id : undefined),
        load: (name: string) =>
          name === id ? code.replaceAll('#pipelines', path.join(source, 'index.ts')) : undefined,
      },
    ],
  })) as Rolldown.RolldownOutput;
  const chunks = new Map(
    output.filter((part) => part.type === 'chunk').map((chunk) => [chunk.fileName, chunk] as const),
  );
  const entry = [...chunks.values()].find(({ isEntry }) => isEntry);
  const reached = new Set<string>();
  const reach = (name: string): void => {
    if (reached.has(name)) return;
    reached.add(name);
    chunks.get(name)?.imports.forEach(reach);
  };
  reach(entry?.fileName ?? '');
  const packagesOf = (names: Iterable<string>): Set<string> =>
    new Set(
      [...names].flatMap((name) =>
        Object.entries(chunks.get(name)?.modules ?? {})
          .filter(([, { renderedLength }]) => renderedLength > 0)
          .map(([module]) =>
            /packages\/([^/]+)\/src|node_modules\/(@huggingface\/[^/]+)/.exec(module)?.slice(1).find(Boolean),
          )
          .filter((found) => found !== undefined),
      ),
    );
  return { atOnce: packagesOf(reached), later: packagesOf([...chunks.keys()].filter((name) => !reached.has(name))) };
}

const families = ['bart', 'bert', 'gpt', 't5', 'transformer', 'vit'];
const heavy = [...families, 'generation', 'images', 'tokenizers', '@huggingface/jinja'];
const among = (names: readonly string[], found: ReadonlySet<string>): string[] =>
  names.filter((name) => found.has(name));

describe('bundles of programs', () => {
  test('pipeline() loads no family before a model asks for it', async () => {
    const { atOnce, later } = await bundle(`import { pipeline } from '#pipelines'; globalThis.run = pipeline;`);
    expect(among(heavy, atOnce)).toEqual([]);
    expect(among(heavy, later)).toEqual(heavy);
  });

  test('a text task without pipeline() has no vision in it', async () => {
    const { atOnce, later } = await bundle(
      `import { AutoModelForMaskedLM, AutoTokenizer, fillMask } from '#pipelines';
       globalThis.run = [AutoModelForMaskedLM, AutoTokenizer, fillMask];`,
    );
    expect(among(heavy, atOnce)).toEqual([]);
    expect(among(heavy, later)).toEqual(['bart', 'bert', 'tokenizers']);
  });

  test('models of texts have no vision in them', async () => {
    const { later } = await bundle(
      `import { AutoModelForTextEncoding } from '#pipelines'; globalThis.run = AutoModelForTextEncoding;`,
    );
    expect(among(heavy, later)).toEqual(['bart', 'bert', 'gpt', 't5']);
  });

  test('an image task without pipeline() has no text in it', async () => {
    const { atOnce, later } = await bundle(
      `import { AutoImageProcessor, AutoModelForImageClassification, imageClassification } from '#pipelines';
       globalThis.run = [AutoImageProcessor, AutoModelForImageClassification, imageClassification];`,
    );
    expect(among(heavy, atOnce)).toEqual([]);
    expect(among(heavy, later)).toEqual(['vit', 'images']);
  });
});
