import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { modelFolder, UsageError } from '../src/index.ts';

let folder: string;
const place = async (name: string, files: readonly string[]): Promise<string> => {
  const made = path.join(folder, name);
  await mkdir(made);
  for (const file of files) await writeFile(path.join(made, file), '{}');
  return made;
};
beforeAll(async () => void (folder = await mkdtemp(path.join(tmpdir(), 'formers-cli-'))));
afterAll(() => rm(folder, { recursive: true }));

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
