import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { importTable, mayImport } from '../lib/import-table.ts';
import { dependencyCircles, importBreaches } from '../lib/imports.ts';
import type { Manifest, WorkspacePackage } from '../lib/workspace.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'formers-imports-'));
  mkdirSync(join(directory, 'src'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function pack(folder: string, manifest: Partial<Manifest> = {}, source = ''): WorkspacePackage {
  writeFileSync(join(directory, 'src/index.ts'), source);
  return {
    path: `packages/${folder}`,
    folder,
    directory,
    manifest: { name: `@formers/${folder}`, version: '0.0.0', ...manifest },
  };
}

test('rows include what is under them, and nothing above', () => {
  expect([...(mayImport('attention') ?? [])].sort()).toEqual(['backend', 'checkpoints', 'nn', 'positional']);
  expect(mayImport('checkpoints')?.size).toBe(0);
  for (const folder of Object.keys(importTable)) expect(mayImport(folder)).not.toContain(folder);
});

test('an import downwards that is declared passes', () => {
  const manifest = { dependencies: { '@formers/backend': 'workspace:^' } };
  expect(importBreaches(pack('nn', manifest, `export { add } from '@formers/backend';`))).toEqual([]);
});

test.each([
  ['static', `import { GPT } from '@formers/gpt';`],
  ['type-only', `import type { GPT } from '@formers/gpt';`],
  ['re-exported', `export { GPT } from '@formers/gpt';`],
  ['dynamic', `export const load = () => import('@formers/gpt');`],
])('a %s import upwards is told with its row', (_, source) => {
  const breaches = importBreaches(pack('nn', { dependencies: { '@formers/gpt': 'workspace:^' } }, source));
  expect(breaches).toHaveLength(2); // the manifest and the source
  expect(breaches[1]).toContain('imports @formers/gpt; row "nn" allows backend, checkpoints');
});

test('comments and strings are no imports', () => {
  expect(
    importBreaches(pack('nn', {}, `/** import '@formers/gpt' */ export const a = "from '@formers/gpt'";`)),
  ).toEqual([]);
});

test('tfjs below its row, undeclared packages, and files outside of src are told', () => {
  const tfjs = { peerDependencies: { '@tensorflow/tfjs-core': '4.22.0' } };
  expect(importBreaches(pack('checkpoints', tfjs))).toHaveLength(1);
  expect(importBreaches(pack('nn', {}, `import 'valibot';`))[0]).toContain('does not declare');
  expect(importBreaches(pack('nn', {}, `import '../test/helper.ts';`))[0]).toContain('outside of packages/nn/src');
});

test('a package without a row is an error', () => {
  expect(importBreaches(pack('unknown'))).toEqual([expect.stringContaining('no row')]);
});

test('a circle through development dependencies is told once', () => {
  const a = pack('a', { dependencies: { '@formers/b': 'workspace:^' } });
  const b = pack('b', { devDependencies: { '@formers/a': 'workspace:^' } });
  expect(dependencyCircles([a, b])).toEqual([expect.stringContaining('@formers/a -> @formers/b -> @formers/a')]);
  expect(dependencyCircles([a])).toEqual([]);
});
