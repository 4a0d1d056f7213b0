import { mkdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { findCheckpoint, nodeFileSystem, TrainingError, writeCheckpoint } from '../src/index.ts';
import { temporaryFolder } from './toy-run.ts';

describe('checkpoints of a run', () => {
  let out = '';
  beforeEach(async () => {
    out = await temporaryFolder();
    for (const step of [1, 9, 10]) await write(step);
  });
  afterEach(() => rm(out, { recursive: true }));

  const write = (step: number, options: { saveLimit?: number; keepStep?: number } = {}): Promise<unknown> =>
    writeCheckpoint(out, {
      step,
      write: async (folder) => {
        await writeFile(join(folder, 'model.safetensors'), `weights of ${step}`);
        await mkdir(join(folder, 'adapter'));
        await writeFile(join(folder, 'adapter', 'config.json'), '{}');
      },
      ...options,
    });
  const names = (): Promise<string[]> => nodeFileSystem().list(out);

  it('finds the newest by its number, or the one that is named', async () => {
    expect(await findCheckpoint(out)).toEqual({ folder: join(out, 'checkpoint-10'), step: 10, skipped: [] });
    expect(await findCheckpoint(join(out, 'checkpoint-9'))).toMatchObject({ step: 9 });
    expect(await names()).toEqual(['checkpoint-1', 'checkpoint-10', 'checkpoint-9']);
  });

  it('lists size and hash of each file in the manifest', async () => {
    const manifest = JSON.parse(await readFile(join(out, 'checkpoint-9', 'manifest.json'), 'utf8')) as unknown;
    expect(manifest).toEqual({
      schema: 1,
      step: 9,
      files: [
        {
          name: 'adapter/config.json',
          size: 2,
          sha256: '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
        },
        { name: 'model.safetensors', size: 12, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
      ],
    });
  });

  it('skips what is damaged, and says why', async () => {
    const damages: [(folder: string) => Promise<void>, string][] = [
      [(folder) => rm(join(folder, 'manifest.json')), 'no manifest.json'],
      [(folder) => writeFile(join(folder, 'manifest.json'), '{"schema": 1'), 'malformed manifest.json'],
      [
        (folder) => writeFile(join(folder, 'manifest.json'), '{"schema": 2, "step": 10, "files": []}'),
        'malformed manifest.json',
      ],
      [
        (folder) => writeFile(join(folder, 'manifest.json'), '{"schema": 1, "step": 10, "files": [{"name": 3}]}'),
        'malformed manifest.json',
      ],
      [
        (folder) =>
          writeFile(
            join(folder, 'manifest.json'),
            '{"schema": 1, "step": 10, "files": [{"name": "../checkpoint-9/model.safetensors", "size": 12, "sha256": ""}]}',
          ),
        '../checkpoint-9/model.safetensors is missing',
      ],
      [(folder) => rm(join(folder, 'model.safetensors')), 'model.safetensors is missing'],
      [
        (folder) => rename(join(folder, 'adapter', 'config.json'), join(folder, 'adapter', 'other.json')),
        'adapter/config.json is missing',
      ],
      [(folder) => truncate(join(folder, 'model.safetensors'), 5), 'model.safetensors should have 13 bytes and has 5'],
      [
        (folder) => writeFile(join(folder, 'model.safetensors'), 'Weights of 10'),
        'model.safetensors is not what was written',
      ],
      [
        async (folder) => {
          await rm(join(folder, 'model.safetensors'));
          await symlink(join(out, 'checkpoint-9', 'model.safetensors'), join(folder, 'model.safetensors'));
        },
        'model.safetensors is missing',
      ],
    ];
    for (const [damage, reason] of damages) {
      await write(10);
      await damage(join(out, 'checkpoint-10'));
      const { step, skipped } = await findCheckpoint(out);
      expect({ reason, step }).toEqual({ reason, step: 9 });
      expect(skipped).toEqual([
        { folder: join(out, 'checkpoint-10'), reason: expect.stringContaining(reason) as string },
      ]);
      await expect(findCheckpoint(join(out, 'checkpoint-10'))).rejects.toMatchObject({ code: 'damaged' });
    }
  });

  it('detects a flipped bit at every byte of every file', async () => {
    const folder = join(out, 'checkpoint-10');
    for (const name of ['model.safetensors', 'adapter/config.json']) {
      const bytes = await readFile(join(folder, name));
      for (let at = 0; at < bytes.length; at++) {
        const flipped = Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ (1 << (at % 8)) : byte));
        await writeFile(join(folder, name), flipped);
        expect((await findCheckpoint(out)).step).toBe(9);
      }
      await writeFile(join(folder, name), bytes);
    }
    expect((await findCheckpoint(out)).step).toBe(10);
  });

  it('leaves files alone that were put beside', async () => {
    await writeFile(join(out, 'checkpoint-10', 'notes.txt'), 'mine');
    expect((await findCheckpoint(out)).step).toBe(10);
  });

  it('says so when there is none', async () => {
    await expect(findCheckpoint(join(out, 'nowhere'))).rejects.toMatchObject({
      code: 'no-checkpoint',
      message: expect.stringContaining('nowhere: there is no such folder'),
    });
    await writeFile(join(out, 'file'), '');
    await expect(findCheckpoint(join(out, 'file'))).rejects.toMatchObject({ code: 'no-checkpoint' });
    for (const step of [1, 9, 10]) await rm(join(out, `checkpoint-${step}`, 'manifest.json'));
    const error: unknown = await findCheckpoint(out).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(TrainingError);
    expect((error as Error).message).toContain('checkpoint-1: not a complete checkpoint: no manifest.json');
  });

  it('keeps as many as asked, and the best', async () => {
    await write(11, { saveLimit: 2 });
    expect(await names()).toEqual(['checkpoint-10', 'checkpoint-11']);
    await write(12, { saveLimit: 1, keepStep: 10 });
    expect(await names()).toEqual(['checkpoint-10', 'checkpoint-12']);
  });

  it('writes a step anew', async () => {
    const before = await readFile(join(out, 'checkpoint-10', 'manifest.json'), 'utf8');
    await write(10);
    expect(await readFile(join(out, 'checkpoint-10', 'manifest.json'), 'utf8')).toBe(before);
    expect(await names()).toEqual(['checkpoint-1', 'checkpoint-10', 'checkpoint-9']);
  });

  it('leaves nothing of a checkpoint that fails', async () => {
    const failing = writeCheckpoint(out, { step: 12, write: () => Promise.reject(new Error('no ink')) });
    await expect(failing).rejects.toMatchObject({
      code: 'write',
      message: `${join(out, 'checkpoint-12')}: the checkpoint could not be written: no ink`,
    });
    expect(await names()).toEqual(['checkpoint-1', 'checkpoint-10', 'checkpoint-9']);
  });
});
