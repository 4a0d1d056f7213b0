import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { DeviceLostError } from '@formers/backend';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { throughDeviceLoss } from '../src/device-loss.ts';

const found = vi.hoisted(() => ({ step: 0 }));
vi.mock('@formers/training', () => ({
  findCheckpoint: async (folder: string) => {
    if (found.step === 0) throw new Error(`${folder} has no checkpoint`);
    return { folder, step: found.step };
  },
}));

describe('throughDeviceLoss', () => {
  let out = '';
  beforeEach(async () => {
    out = await mkdtemp(path.join(tmpdir(), 'formers-pretrain-'));
    vi.spyOn(console, 'error').mockImplementation(() => {});
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await rm(out, { recursive: true });
  });

  /** Runs that lose their device `losses` times; where each of them started. */
  async function starts(losses: number): Promise<(string | undefined)[]> {
    const places: (string | undefined)[] = [];
    await throughDeviceLoss(async ({ resume, onFolder }) => {
      places.push(resume);
      onFolder(out);
      if (places.length <= losses) throw new DeviceLostError('the GPU was lost');
    });
    return places;
  }

  test('starts again from the newest checkpoint, three times', async () => {
    found.step = 2;
    expect(await starts(0)).toEqual([undefined]);
    expect(await starts(3)).toEqual([undefined, out, out, out]);
    await expect(starts(4)).rejects.toSatisfy((error) => DeviceLostError.isInstance(error));
  });

  test('stops with the error where there is no checkpoint, and with any other error', async () => {
    found.step = 0;
    await expect(starts(1)).rejects.toSatisfy((error) => DeviceLostError.isInstance(error));
    found.step = 2;
    await expect(throughDeviceLoss(() => Promise.reject(new Error('another')))).rejects.toThrow('another');
  });
});
