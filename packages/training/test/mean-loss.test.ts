import { cpu, useBackend, withDropout } from '@formers/backend';
import { type TokenBatch, TokenWindows } from '@formers/data';
import { memory } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { meanLoss } from '../src/index.ts';
import { ToyModel } from './toy-model.ts';
import { ids } from './toy-run.ts';

describe('meanLoss', () => {
  beforeAll(() => useBackend(cpu()));

  it('is the mean over all tokens, however they are cut, and without dropout', async () => {
    {
      using model = new ToyModel({ dropout: 0.5 });
      const loss = (batch: TokenBatch) => model.loss(batch);
      // The model looks at one token at a time, so that the cut must not matter.
      const [whole, ...others] = await Promise.all(
        [
          [89, 1],
          [1, 3],
          [7, 4],
          [10, 3],
        ].map(([seqLen, batchSize]) =>
          withDropout({ seed: 1, step: 1 }, () =>
            meanLoss(new TokenWindows(ids, { seqLen: seqLen! }).sequential({ batchSize: batchSize! }), loss),
          ),
        ),
      );
      for (const other of others) expect(other).toBeCloseTo(whole!, 6);
      expect(whole).toBeGreaterThan(1);
    }
    expect(memory().numTensors).toBe(0);
  });
});
