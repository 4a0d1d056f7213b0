import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { checkSteps, makeRunFolder, modelFolder, readRunConfig, UsageError } from '../src/index.ts';

let folder: string;
const place = async (name: string, files: readonly string[]): Promise<string> => {
  const made = path.join(folder, name);
  await mkdir(made);
  for (const file of files) await writeFile(path.join(made, file), '{}');
  return made;
};
beforeAll(async () => void (folder = await mkdtemp(path.join(tmpdir(), 'formers-cli-'))));
afterAll(() => rm(folder, { recursive: true }));

describe('a run folder', () => {
  it('is made with the folders above it, and told where that cannot be', async () => {
    const deep = path.join(folder, 'a', 'b', 'c');
    await makeRunFolder(deep);
    await makeRunFolder(deep); // is there
    const file = path.join(await place('with-file', ['file']), 'file');
    for (const bad of [file, path.join(file, 'below')])
      await expect(makeRunFolder(bad)).rejects.toThrow(`--out ${bad} can't be written to`);
  });

  it.skipIf(process.platform !== 'linux')('does not wait for ever where none can be made', async () => {
    await expect(makeRunFolder('/proc/formers/run')).rejects.toThrow("can't be written to");
  });

  it('needs a run.json with a family', async () => {
    const run = await place('no-family', ['run.json']);
    await expect(readRunConfig(run)).rejects.toThrow('has no run.json of a run');
    await writeFile(path.join(run, 'run.json'), '{"family": "gpt"}');
    expect(await readRunConfig(run)).toEqual({ family: 'gpt' });
  });

  it('has made as many steps as it has', () => {
    expect(() => checkSteps({ steps: 4 }, { step: 5 })).toThrow('--steps must be at least 5');
    expect(() => checkSteps({ steps: 5 }, { step: 5 })).not.toThrow();
    expect(() => checkSteps({ steps: 1 }, undefined)).not.toThrow();
  });
});

describe('modelFolder', () => {
  it('takes a folder with a model, and what is no folder here, as they are', async () => {
    const whole = await place('whole', ['config.json', 'run.json']);
    expect(await modelFolder(whole)).toBe(whole);
    expect(await modelFolder('google-t5/t5-small')).toBe('google-t5/t5-small');
  });

  it('says of adapters how they become a whole model', async () => {
    const adapters = await place('adapters', ['adapter_config.json', 'run.json']);
    const error: unknown = await modelFolder(adapters).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toHaveProperty(
      'message',
      `${adapters} holds adapters alone: npx pnpm@12 finetune --resume ${adapters} --merge writes the whole model, to ${path.join(adapters, 'merged')}`,
    );
  });
});
