import { capture, valueAndGradients } from '@formers/backend';
import { dispose, reshape, slice, sum, type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, expectError, randomIds, useEngineForTests, valuesOf } from '../../testing/src/index.ts';
import {
  GPT,
  GPT_NEO_PRESETS,
  GPTNeo,
  gptNeoConfig,
  gptNeoConfigFromHuggingFace,
  GPTNeoForSequenceClassification,
  GPTNeoModel,
  type GPTNeoOptions,
} from '../src/index.ts';
import { gptNeoMask } from '../src/masks.ts';

useEngineForTests();

const SMALL: GPTNeoOptions = { vocabSize: 40, ...GPT_NEO_PRESETS.testing, initStd: 0.3 };
const ids = (seq = 8): Tensor2D => randomIds<Tensor2D>([2, seq], { bound: 40 });

test('with global layers alone it is GPT-2 without the division of the scores', () => {
  const sizes = { vocabSize: 40, contextLength: 16, dim: 32, numHeads: 4, initStd: 0.1 };
  using neo = new GPTNeo({ ...sizes, attentionLayers: ['global', 'global'] });
  using gpt = new GPT({ ...sizes, numLayers: 2, scaleAttention: false });
  const values = neo.namedParameters();
  for (const [path, parameter] of gpt.namedParameters()) {
    if (path.endsWith('queryKeyValue.bias')) continue; // zeros, as GPT-Neo has none
    const part = (name: string): number[] => valuesOf(values.get(path.replace('queryKeyValue', name))!);
    const numbers = path.includes('queryKeyValue') ? ['query', 'key', 'value'].flatMap(part) : part('');
    parameter.assign(reshape(numbers, parameter.shape));
  }
  expectClose(neo.call(ids()), gpt.call(ids()), { rtol: 1e-4, atol: 1e-4 });
});

test('a token of local layers alone sees as far back as the windows reach together', () => {
  using model = new GPTNeoModel({ ...SMALL, attentionLayers: ['local', 'local'], windowSize: 3 });
  const tokens = tensor2d([[1, 2, 3, 4, 5, 6, 7, 8]], [1, 8], 'int32'); // each once: row i of the table is the token before place i
  const { gradients } = valueAndGradients(
    () => sum(slice(model.call(tokens), [0, 7, 3], [1, 1, 1])),
    [model.tokens.weight],
  );
  const felt = [1, 2, 3, 4, 5, 6, 7, 8].map((id) =>
    valuesOf(slice(gradients[0] as Tensor2D, [id, 0], [1, -1])).some((value) => value !== 0),
  );
  expect(felt).toEqual([false, false, false, true, true, true, true, true]); // 2 back, twice
});

test('windows at least as long as the text are global', () => {
  using model = new GPTNeo({ ...SMALL, windowSize: 8 }, { seed: 1 });
  using global = new GPTNeo({ ...SMALL, attentionLayers: ['global', 'global'] }, { seed: 1 });
  using short = new GPTNeo({ ...SMALL, windowSize: 7 }, { seed: 1 });
  expectClose(model.call(ids()), global.call(ids()), { atol: 1e-5 });
  expect(valuesOf(short.call(ids()))).not.toEqual(valuesOf(global.call(ids())));
});

test('with a mask the windows are the same', () => {
  using model = new GPTNeo(SMALL);
  const attentionMask = tensor2d(new Array<number>(16).fill(1), [2, 8], 'int32');
  const { value, attentions } = capture(() => model.call(ids(), { attentionMask }), ['attentions']);
  expectClose(value, model.call(ids()), { atol: 1e-5 });
  const far = valuesOf(slice(attentions[1]!, [0, 0, 7, 0], [1, 1, 1, 8]));
  expect(far.map((weight) => weight > 0)).toEqual([false, false, false, false, true, true, true, true]);
  dispose([value, ...attentions]);
});

test('padding that sees no token sees the padding in its window', () => {
  const attentionMask = tensor2d([[0, 0, 0, 1, 1]], [1, 5], 'int32');
  const rows = (window?: number): number[] => valuesOf(gptNeoMask(attentionMask, { queries: 5, window }).mask);
  expect(rows(2)).toEqual(
    [
      [1, 0, 0, 0, 0],
      [1, 1, 0, 0, 0],
      [0, 1, 1, 0, 0],
      [0, 0, 0, 1, 0],
      [0, 0, 0, 1, 1],
    ].flat(),
  );
  expect(rows()).toEqual(
    [
      [1, 0, 0, 0, 0],
      [1, 1, 0, 0, 0],
      [1, 1, 1, 0, 0],
      [0, 0, 0, 1, 0],
      [0, 0, 0, 1, 1],
    ].flat(),
  );
  const { mask, bias } = gptNeoMask(attentionMask, { queries: 1 });
  expect([valuesOf(mask), valuesOf(bias)]).toEqual([[0, 0, 0, 1, 1], [-0]]);
});

describe('the config', () => {
  test('layers alternate, or are listed; both come back from a file', async () => {
    expect(gptNeoConfig({ ...SMALL, numLayers: 3 }).attentionLayers).toEqual(['global', 'local', 'global']);
    for (const attentionLayers of [
      ['global', 'local', 'global', 'local'],
      ['local', 'local', 'global'],
    ] as const) {
      const { numLayers: _, ...sizes } = SMALL;
      using model = new GPTNeo({ ...sizes, attentionLayers: [...attentionLayers], hiddenDim: 20, activation: 'silu' });
      const files = new Map<string, Uint8Array>();
      await model.savePretrained(files);
      const json = JSON.parse(new TextDecoder().decode(files.get('config.json'))) as Record<string, unknown>;
      expect(json).toMatchObject({
        model_type: 'gpt_neo',
        attention_layers: attentionLayers,
        num_layers: attentionLayers.length,
      });
      using loaded = await GPTNeo.fromPretrained(files);
      expect(loaded.config).toEqual(model.config);
    }
  });

  test.each<[object, string]>([
    [{ attention_types: [[['global'], 3]] }, 'numLayers must be that of attentionLayers, got 24 and 3'],
    [{ attention_types: 'global' }, 'attention_types must be a list of [kinds, count], got "global"'],
    [{ attention_types: [[['global'], 1e9]] }, 'attention_types must be'],
    [{ attention_types: [[['sparse'], 24]] }, 'attentionLayers.0 must be a list of global and local'],
    [{ window_size: 0 }, 'windowSize must be a whole number'],
    [{ num_heads: 3 }, 'dim must be divisible by numHeads'],
  ])('%j is refused', async (keys, message) => {
    await expectError(() => gptNeoConfigFromHuggingFace(keys as never), { code: 'config', message });
  });
});

test('the classifier reads the last token that is not padding', () => {
  using model = new GPTNeoForSequenceClassification({ ...SMALL, labels: ['a', 'b', 'c'], padTokenId: 0 });
  const rows = tensor2d([[5, 6, 0, 0]], [1, 4], 'int32');
  const hidden = slice(model.decoder.call(rows), [0, 1, 0], [1, 1, -1]);
  expectClose(model.call(rows), model.head.call(reshape(hidden, [1, -1])), { atol: 1e-5 });
});
