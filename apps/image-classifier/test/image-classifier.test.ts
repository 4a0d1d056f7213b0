import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { memory } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { digitFromStrokes } from '../src/digit/digit-form.ts';
import { EXAMPLES } from '../src/digit/examples.ts';
import { ImageClassifier, softmax, topLabels } from '../src/model/image-classifier.ts';
import { saveUntrainedModel } from './support/untrained-model.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'formers-classifier-'));
  await saveUntrainedModel(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('softmax', () => {
  it('gives probabilities, also of large logits', () => {
    const [a, b, c] = softmax(Float32Array.of(1000, 1000 + Math.log(2), 1000 - Math.log(4)));
    expect([a, b, c]).toEqual([4 / 13, 8 / 13, 1 / 13].map((share) => expect.closeTo(share, 4)));
  });
});

describe('topLabels', () => {
  it('puts the likeliest first, equal ones in order', () => {
    const labels = ['a', 'b', 'c', 'd'];
    const top = topLabels(Float32Array.of(0.125, 0.5, 0.25, 0.125), { labels, count: 3 });
    expect(top).toEqual([
      { label: 'b', score: 0.5 },
      { label: 'c', score: 0.25 },
      { label: 'a', score: 0.125 },
    ]);
    expect(topLabels(Float32Array.of(1), { labels: ['a'], count: 5 })).toHaveLength(1);
  });
});

describe('ImageClassifier', () => {
  it('gives one number per label that depends on the image, and keeps no tensors', async () => {
    const before = memory().numTensors;
    {
      using classifier = await ImageClassifier.open(folder);
      const loaded = memory().numTensors;
      const [zero, one] = EXAMPLES.map(({ strokes }) => digitFromStrokes(strokes));
      if (!zero || !one) throw new Error('there are no examples');
      const answers = [
        await classifier.classify(zero),
        await classifier.classify(one),
        await classifier.classify(zero),
      ];
      expect(answers[0]?.logits).toHaveLength(10);
      expect(answers[0]?.probabilities).toEqual(softmax(answers[0]?.logits ?? new Float32Array()));
      expect(answers[1]?.logits).not.toEqual(answers[0]?.logits);
      expect(answers[2]?.logits).toEqual(answers[0]?.logits);
      expect(memory().numTensors).toBe(loaded);
      expect(classifier.numParameters).toBe(205_066);
    }
    expect(memory().numTensors).toBe(before);
  });
});
