import { learnUnigram } from '../src/learners.ts';
import { tensor2d } from '@tensorflow/tfjs-core';
import { cpu, useBackend } from '@formers/backend';
import { beforeAll, describe, expect, it } from 'vitest';

import { besideBaseline, commonestTarget } from '../src/baseline.ts';
import { fillSpans } from '../src/families/t5.ts';

const tokenizer = learnUnigram(['the whale and the sea and the ship '.repeat(20)], 130);
const idsOf = (text: string): number[] => [...tokenizer.encode(text).ids];

describe('fillSpans', () => {
  const source = idsOf('the<extra_id_0> and the<extra_id_1> ship</s>');

  it('puts spans where they were taken out', () => {
    const answer = idsOf('<extra_id_0> whale<extra_id_1> sea and the</s>');
    expect(fillSpans(answer, { source, tokenizer })).toBe('the[ whale] and the[ sea and the] ship');
  });

  it('takes answers as they come: sentinels missing, unknown, said twice, words before them and after the end', () => {
    const fill = (answer: string): string => fillSpans(idsOf(answer), { source, tokenizer });
    expect(fill('')).toBe('the[] and the[] ship');
    expect(fill('the<extra_id_7> sea<extra_id_1> whale<extra_id_1> ship</s> and')).toBe('the[] and the[ whale] ship');
  });
});

describe('what an accuracy is compared with', () => {
  beforeAll(() => useBackend(cpu()));

  it('is the share of the most common of the tokens that count', async () => {
    const [the, sea] = [110, 120];
    using batch = {
      targets: tensor2d(
        [
          [the, the, -100, 1],
          [sea, the, 1, 1],
        ],
        undefined,
        'int32',
      ),
      [Symbol.dispose]() {
        this.targets.dispose();
      },
    };
    const batches = [batch, batch];
    expect(await commonestTarget({ batches })).toEqual({ id: the, share: 3 / 7 });
    expect(await commonestTarget({ batches, isAnswer: (id) => id === sea || id === 1 })).toEqual({
      id: 1,
      share: 3 / 4,
    });
    const ending = await besideBaseline({ text: 'guesses', facts: { guesses: [] } }, { batches, tokenizer });
    expect(ending.text).toBe(
      `guesses\n\nalways saying ${JSON.stringify(tokenizer.decode([the]).trim())} would be right in 42.86 %`,
    );
    expect(ending.facts).toEqual({ guesses: [], baseline_accuracy: 3 / 7 });
  });
});
