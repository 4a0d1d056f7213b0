import { expect, test } from 'vitest';

import { openFolder, openTarget } from '../../src/index.ts';
import { checkFileName, checkShardName, isFileName } from '../../src/folders/file-names.ts';
import { expectError } from '../support/expect-error.ts';
import { temporaryFolder } from '../support/files.ts';

const bad = [
  '',
  '.',
  '..',
  '../a.safetensors',
  '..\\a.safetensors',
  'a/b.safetensors',
  'a\\b.safetensors',
  '/etc/passwd',
  'C:\\a.safetensors',
  'C:a.safetensors',
  '\\\\server\\a.safetensors',
  'file:///a.safetensors',
  'https://example.org/a.safetensors',
  '%2e%2e%2fa.safetensors',
  'a%00.safetensors',
  'a\0.safetensors',
  'a\n.safetensors',
  'a.safetensors\n',
  ' a.safetensors',
  'a .safetensors',
  '.hidden.safetensors',
  '-a.safetensors',
  '~a.safetensors',
  '$a.safetensors',
  'é.safetensors',
  'a．safetensors',
  'a:stream.safetensors',
  'CON.safetensors',
  'nul',
  'com1.safetensors',
  'Lpt9.model.safetensors',
  'a.safetensors.',
  `${'a'.repeat(200)}.safetensors`,
];

test.for(bad)('%j is no file name, for any kind of folder', async (name) => {
  await expectError('path', () => checkFileName(name));
  expect(isFileName(name)).toBe(false);
  const local = await temporaryFolder();
  for (const folder of [
    await openFolder(local),
    await openFolder(new Map([[name, new Uint8Array(1)]])),
    await openFolder('http://127.0.0.1:1/'),
  ]) {
    await expectError('path', () => folder.has(name));
    await expectError('path', () => folder.read(name));
    await expectError('path', () => folder.size(name));
    await expectError('path', () => folder.readRange(name, 0, 0));
  }
  await expectError('path', () => openTarget(local).write(name, new Uint8Array()));
  await expectError('path', async () => openTarget(new Map()).write(name, new Uint8Array()));
});

test.for([
  'model.safetensors',
  'model-00001-of-00002.safetensors',
  'config.json',
  'vocab.txt',
  'a',
  '0',
  'console.json',
  'a..b',
  'Modelfile',
])('%s is one', (name) => {
  checkFileName(name);
  expect(isFileName(name)).toBe(true);
});

test('a shard is a safetensors file', async () => {
  checkShardName('consolidated.00.safetensors');
  for (const name of ['model.bin', 'safetensors', 'model.safetensors.bin', 'model.SAFETENSORS', '.safetensors'])
    await expectError('path', () => checkShardName(name));
});
