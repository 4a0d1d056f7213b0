import { join } from 'node:path';

import { expect, test } from 'vitest';

import { CheckpointError, openFolder, parseJsonObject, readJson, serializeJson } from '../../src/index.ts';
import { expectError, prototypeNames } from '../support/expect-error.ts';
import { badFiles, filesOf, fixtures } from '../support/files.ts';

const folder = join(fixtures, 'bad');
const configs = badFiles(folder).filter(({ kind, file }) => kind === 'folder' && file.startsWith('config-'));

/** What a reader of any JSON must refuse; the other invalid ones are sound JSON that no model can be built from, for the architectures to refuse. */
const notAnObject = ['config-not-json', 'config-array', 'config-empty'];

test.for(configs)('$file ($reason)', async ({ file }) => {
  const before = prototypeNames();
  for (const location of [join(folder, file), filesOf(join(folder, file))]) {
    const reading = openFolder(location).then((source) => readJson(source, 'config.json'));
    if (notAnObject.includes(file)) await expect(reading).rejects.toBeInstanceOf(CheckpointError);
    else expect(Object.keys(await reading)).toContain('vocab_size');
  }
  expect(prototypeNames()).toEqual(before);
  expect('polluted' in {}).toBe(false);
});

test('the table has the three', () => {
  expect(configs.filter(({ file, valid }) => notAnObject.includes(file) && !valid)).toHaveLength(3);
});

test.for([
  ['config-unknown-keys', ['something_new', 'torch_dtype']],
  ['config-proto', ['__proto__']],
  ['config-constructor', ['constructor']],
] as const)('%s: its keys come back when it is written', async ([name, keys]) => {
  const config = await readJson(await openFolder(join(folder, name)), 'config.json');
  const again = parseJsonObject(serializeJson({ ...config }, { keepSpellingOf: config }));
  for (const key of keys) expect(JSON.stringify(again[key])).toBe(JSON.stringify(config[key]));
  expect(Object.keys(again)).toEqual(Object.keys(config).toSorted());
});

test('limits and missing files', async () => {
  const source = await openFolder(new Map([['config.json', new TextEncoder().encode('{"a": 1}')]]));
  await expectError('too-large', () => readJson(source, 'config.json', { maxBytes: 7 }));
  await expectError('missing-file', () => readJson(source, 'tokenizer.json'));
});
