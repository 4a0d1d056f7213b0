import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import type { CaseResult } from '../src/parity/case.ts';
import { findCases } from '../src/parity/find-cases.ts';
import { runParity } from '../src/parity/run.ts';

/** A folder with one case, which is gone after the test. */
async function folderWith(text: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'formers-parity-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(path.join(folder, 'case.json'), text);
  return folder;
}

test.each([
  ['{', 'case.json: wanted a string'],
  ['null', 'case.json: must be a JSON object, got null'],
])('a case.json of %j is told by its path', async (text, message) => {
  const folder = await folderWith(text);
  await expect(findCases(folder)).rejects.toThrow(`${folder}${path.sep}${message}`);
});

test.each([
  [{ kind: 'Adam' }, 'the optimizer Adam'],
  [{ kind: 'SGD', momentum: 0.5, foreach: false, amsgrad: true }, 'SGD here has no option amsgrad'],
  [{ kind: 'AdamW', amsgrad: true, foreach: null, decay_rate: 0.5 }, 'AdamW here has no option decay_rate'],
])('a run with %j is unsupported', async (optimizer, detail) => {
  const description = { group: 'training', model_class: 'GPT2LMHeadModel', optimizer: { lr: 0.1, ...optimizer } };
  const results: CaseResult[] = [];
  for await (const result of runParity(await folderWith(JSON.stringify(description)))) results.push(result);
  expect(results).toMatchObject([{ status: 'unsupported', detail }]);
});
