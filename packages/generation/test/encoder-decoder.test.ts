import { EncoderDecoderCache } from '@formers/attention';
import {
  cast,
  fill,
  memory,
  mul,
  reshape,
  stack,
  type Tensor2D,
  tensor3d,
  type Tensor3D,
  type Tensor4D,
  tidy,
} from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { useEngineForTests } from '../../testing/src/index.ts';
import {
  type EncodedCallOptions,
  type EncoderDecoderLanguageModel,
  generate,
  streamTokens,
  TokenCache,
} from '../src/index.ts';

useEngineForTests();

const [START, END, VOCAB] = [0, 1, 12];

/**
 * An encoder-decoder that writes what it read, then the end token; second best is always the next id. What was read comes through the cross cache, what
 * was written through the self cache: a stale one changes the text.
 */
class Copyist implements EncoderDecoderLanguageModel {
  readonly config = { vocabSize: VOCAB, contextLength: 64, decoderStartTokenId: START };
  /** How often keys and values were made of the encoder's output. */
  crossings = 0;
  /** How many tokens the decoder computed. */
  decoded = 0;

  encode(ids: Tensor2D, { attentionMask }: { attentionMask?: Tensor2D } = {}): Tensor3D {
    return tidy(() => {
      const mask = attentionMask ?? fill(ids.shape, 1, 'int32');
      return stack([cast(ids, 'float32'), cast(mask, 'float32')], 2) as Tensor3D; // [batch, seq, 2]
    });
  }

  decode(decoderIds: Tensor2D, { encoded, attentionMask, cache, lastOnly = false }: EncodedCallOptions): Tensor3D {
    return tidy(() => {
      const [batch, seq] = decoderIds.shape;
      this.decoded += batch * seq;
      const [, width] = encoded.shape;
      const make = (): [Tensor4D, Tensor4D] => {
        this.crossings++;
        const x = reshape(encoded, [batch, 1, width, 2]) as Tensor4D;
        return [x, mul(x, 1)];
      };
      if (cache && !(cache instanceof EncoderDecoderCache)) throw new Error('not an EncoderDecoderCache');
      const source = (cache ? cache.cross(0).get(make) : make())[0].dataSync(); // [batch, 1, width, 2]
      const mask = attentionMask?.dataSync() ?? new Int32Array(batch * width).fill(1);
      const k = reshape(cast(decoderIds, 'float32'), [batch, 1, seq, 1]) as Tensor4D;
      const keys = (cache ? cache.layer(0).append(k, k)[0] : k).shape[2];
      const logits: number[] = [];
      for (let row = 0; row < batch; row++)
        for (let query = lastOnly ? keys - 1 : keys - seq; query < keys; query++) {
          const place = row * width + query;
          const isRead = query < width && mask[place] === 1 && source[2 * place + 1] === 1;
          const next = isRead ? source[2 * place]! : END;
          logits.push(
            ...Array.from({ length: VOCAB }, (_, id) => (id === next ? 3 : id === (next + 1) % VOCAB ? 1 : -2)),
          );
        }
      return tensor3d(logits, [batch, lastOnly ? 1 : seq, VOCAB]);
    });
  }
}

const PROMPTS = [[5, 6, 7, 8, 9], [4], [9, 3, 2]];

describe('an encoder-decoder', () => {
  test('reads prompts of different lengths and writes from the start token on', async () => {
    const { sequences, newTokens, stopReasons } = await generate(new Copyist(), PROMPTS, {
      maxNewTokens: 10,
      eosTokenId: END,
    });
    expect(newTokens).toEqual(PROMPTS.map((prompt) => [...prompt, END]));
    expect(sequences[1]).toEqual([START, 4, END, END, END, END, END]);
    expect(stopReasons).toEqual(['end-token', 'end-token', 'end-token']);
  });

  test('with the cache: the encoder`s output is used once, each token is computed once', async () => {
    const model = new Copyist();
    await generate(model, PROMPTS, { maxNewTokens: 6, eosTokenId: END });
    expect(model.crossings).toBe(1);
    expect(model.decoded).toBe(3 * 6);
    const slow = new Copyist();
    const { newTokens } = await generate(slow, PROMPTS, { maxNewTokens: 6, eosTokenId: END, useCache: false });
    expect(newTokens).toEqual(PROMPTS.map((prompt) => [...prompt, END]));
    expect(slow.crossings).toBe(6);
  });

  test.each([{ useCache: true }, { useCache: false }])(
    'beams of a batch are those of each prompt alone, %o',
    async (cache) => {
      const options = { maxNewTokens: 8, eosTokenId: END, numBeams: 3, numReturnSequences: 2, ...cache };
      const together = await generate(new Copyist(), PROMPTS, options);
      for (const [i, prompt] of PROMPTS.entries()) {
        const alone = await generate(new Copyist(), prompt, options);
        expect(together.newTokens.slice(2 * i, 2 * i + 2)).toEqual(alone.newTokens);
        expect(alone.newTokens[0]).toEqual([...prompt, END]);
      }
    },
  );

  test('padding on the right that a mask tells of is not read', async () => {
    const { newTokens } = await generate(
      new Copyist(),
      [
        [5, 6, 11, 11],
        [7, 8, 9, 10],
      ],
      {
        attentionMask: [
          [1, 1, 0, 0],
          [1, 1, 1, 1],
        ],
        maxNewTokens: 8,
        eosTokenId: END,
      },
    );
    expect(newTokens).toEqual([
      [5, 6, END],
      [7, 8, 9, 10, END],
    ]);
  });

  test('a text may be begun; the processors that look at the encoder`s input know it', async () => {
    const begun = await generate(new Copyist(), [[5, 6, 7]], { decoderInputIds: [[START, 5]], maxNewTokens: 2 });
    expect(begun.sequences).toEqual([[START, 5, 6, 7]]);
    const bare = await generate(new Copyist(), [[5, 6, 7]], { decoderInputIds: [[5]], maxNewTokens: 2 });
    expect(bare.sequences).toEqual(begun.sequences);
    const other = await generate(new Copyist(), [[5, 6, 7]], { encoderNoRepeatNgramSize: 1, maxNewTokens: 2 });
    expect(other.newTokens).toEqual([[0, 0]]); // the best two stand in the prompt; of the others, all alike, the first
  });

  test('a cache that is kept serves the same prompt again, and no other one', async () => {
    const model = new Copyist();
    using cache = new TokenCache(new EncoderDecoderCache());
    const options = { maxNewTokens: 4, eosTokenId: END, cache };
    await generate(model, [[5, 6, 7]], options);
    expect(model.decoded).toBe(4);
    await generate(model, [[5, 6, 7]], { ...options, decoderInputIds: [[START, 5, 6, 7]], maxNewTokens: 1 });
    expect([model.decoded, model.crossings]).toEqual([5, 1]); // its last token alone
    const { newTokens } = await generate(model, [[8, 9]], options);
    expect(newTokens).toEqual([[8, 9, END]]);
    expect(model.crossings).toBe(2);
  });

  test('streams the same tokens, and leaks nothing', async () => {
    const before = memory().numTensors;
    const ids: number[] = [];
    for await (const { id } of streamTokens(new Copyist(), [5, 6], { maxNewTokens: 5, eosTokenId: END })) ids.push(id);
    expect(ids).toEqual([5, 6, END]);
    for await (const { id } of streamTokens(new Copyist(), [5, 6], { maxNewTokens: 5 })) if (id === 5) break;
    await generate(new Copyist(), PROMPTS, { numBeams: 3, maxNewTokens: 4 });
    expect(memory().numTensors).toBe(before);
  });

  test.each<[object, string]>([
    [{ decoderInputIds: [[START], [START]] }, 'decoderInputIds must have a row for each of 1 prompts, got 2'],
    [{ attentionMask: [[0, 1]] }, 'must be ones, then zeros, 2 in all, got [0, 1]'],
    [{ attentionMask: [[0, 0]] }, 'must be ones, then zeros'],
    [{ decoderInputIds: [[99]] }, 'in the vocabulary of 12 tokens, got 99'],
    [{ maxNewTokens: 64 + 1 }, 'context length'],
  ])('%o is refused', async (options, message) => {
    await expect(generate(new Copyist(), [[5, 6]], options)).rejects.toThrow(message);
  });

  test('without a start token it says so', async () => {
    const model = new Copyist();
    Object.assign(model.config, { decoderStartTokenId: undefined });
    await expect(generate(model, [[5]])).rejects.toThrow('decoderStartTokenId must be given');
  });
});
