import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeBlocks, codeBlocksOf, type Complaints, createBlockProject, readmes } from '../lib/code-blocks.ts';
import { listPublicPackages, root } from '../lib/workspace.ts';

const files = readmes().filter((file) => existsSync(join(root, file)));
const blocksByFile = new Map(files.map((file) => [file, codeBlocksOf(file)]));
const wrong = codeBlocks(
  "```ts\nimport { useBackend } from '@formers/backend';\nuseBackend('cpu');\n```\n```ts\nthrow new Error('x');\n```\n",
  'wrong.md',
);
const published = new Set(['README.md', ...listPublicPackages().map(({ path }) => `${path}/README.md`)]);
const isPublished = (file: string): boolean => published.has(file);
const folder = mkdtempSync(join(tmpdir(), 'formers-blocks-'));
const project = createBlockProject([...blocksByFile.values(), wrong].flat(), folder);
let complaints: Complaints;
beforeAll(async () => {
  complaints = await project.check();
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(files)('%s', (file) => {
  const blocks = blocksByFile.get(file) ?? [];

  test('shows code that runs', () => {
    // What packages/testing shows runs inside of a test runner alone: there, checked code is enough.
    const shown = isPublished(file) ? blocks.filter(({ runs }) => runs) : blocks;
    expect(shown).not.toHaveLength(0);
  });

  test.each(blocks)('$place has no type errors', (block) => {
    expect(complaints.about(block)).toEqual([]);
  });

  test.each(blocks.filter(({ runs }) => runs))('$place runs', async (block) => {
    const { code, output } = await project.run(block);
    expect(code, output).toBe(0);
  });
});

test('the type checker has nothing else to say', () => {
  expect(complaints.others).toEqual([]);
});

test('a wrong argument and an error at run time are found', async () => {
  const [wrongType, wrongRun] = wrong;
  if (wrongType === undefined || wrongRun === undefined) throw new Error('the blocks were not found');
  expect(complaints.about(wrongType)).toEqual([expect.stringContaining('TS2345')]);
  expect((await project.run(wrongRun)).code).toBe(1);
});

test('only blocks of TypeScript are taken, with their lines', () => {
  const text = '# A\n```sh\nls\n```\n```ts\nconst a = 1;\n```\n\n```ts no-run\nb();\n```\n';
  expect(codeBlocks(text, 'x.md')).toEqual([
    { place: 'x.md:6', code: 'const a = 1;\n', runs: true },
    { place: 'x.md:10', code: 'b();\n', runs: false },
  ]);
});
