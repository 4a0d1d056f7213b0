import type { KVCache } from '@formers/attention';
import { threefry2x32 } from '@formers/backend';
import {
  cast,
  concat,
  fill,
  range,
  reshape,
  type Tensor,
  tensor3d,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tidy,
  tile,
} from '@tensorflow/tfjs-core';

import type { CausalLanguageModel, DecoderCallOptions, GenerationTokenizer } from '../../src/index.ts';

/** What a toy model sees of a token: its id and its position. */
type Seen = readonly [id: number, position: number];

/**
 * A decoder whose logits are any function of the tokens that it sees, with their positions. It keeps both in a real key/value cache, looks at the
 * mask, and counts what it computes: a wrong cache, mask or position changes its logits.
 */
export class ToyModel implements CausalLanguageModel {
  readonly config: { readonly vocabSize: number; readonly contextLength: number };
  /** How many tokens it was given in each call. */
  readonly calls: number[] = [];
  readonly #logits: (seen: readonly Seen[]) => readonly number[];

  constructor(
    logits: (seen: readonly Seen[]) => readonly number[],
    { vocabSize, contextLength = 64 }: { vocabSize: number; contextLength?: number },
  ) {
    this.config = { vocabSize, contextLength };
    this.#logits = logits;
  }

  call(ids: Tensor2D, { attentionMask, positionIds, cache, lastOnly = false }: DecoderCallOptions = {}): Tensor3D {
    const [batch, seq] = ids.shape;
    this.calls.push(batch * seq);
    return tidy(() => {
      const seen = this.#remember(ids, positionIds, cache);
      const [, , keys] = seen.shape;
      if (keys > this.config.contextLength) throw new Error(`ToyModel: ${keys} tokens are more than the context`);
      const values = seen.dataSync(); // [batch, 1, keys, 2]
      const mask = attentionMask?.dataSync() ?? new Int32Array(batch * keys).fill(1);
      if (mask.length !== batch * keys) throw new Error(`ToyModel: the mask must cover ${keys} keys`);
      const logits: number[] = [];
      for (let row = 0; row < batch; row++) {
        for (let query = lastOnly ? keys - 1 : keys - seq; query < keys; query++) {
          const places = Array.from({ length: query + 1 }, (_, key) => row * keys + key).filter(
            (place) => mask[place] === 1,
          );
          logits.push(...this.#logits(places.map((place) => [values[2 * place]!, values[2 * place + 1]!])));
        }
      }
      return tensor3d(logits, [batch, lastOnly ? 1 : seq, this.config.vocabSize]);
    });
  }

  #remember(ids: Tensor2D, positionIds: Tensor2D | undefined, cache: KVCache | undefined): Tensor4D {
    const [batch, seq] = ids.shape;
    const start = cache?.length ?? 0;
    const positions = positionIds ?? tile(reshape(range(start, start + seq, 1, 'int32'), [1, seq]), [batch, 1]); // [batch, seq]
    const column = (x: Tensor2D): Tensor4D => reshape(cast(x as Tensor, 'float32'), [batch, 1, seq, 1]) as Tensor4D;
    const k = concat([column(ids), column(positions as Tensor2D)], 3); // [batch, 1, seq, 2]
    return cache ? cache.layer(0).append(k, fill(k.shape, 0))[0] : k;
  }
}

/** A model with fixed logits after each token. */
export function tableModel(table: readonly (readonly number[])[], contextLength?: number): ToyModel {
  return new ToyModel((seen) => table[seen.at(-1)![0]]!, {
    vocabSize: table.length,
    ...(contextLength !== undefined && { contextLength }),
  });
}

/** A model with random-looking logits that depend on every token that it sees and its position; or on the last `memory` tokens alone, wherever they stand. */
export function hashModel({ vocabSize = 11, contextLength = 64, seed = 7, memory = Infinity } = {}): ToyModel {
  const isAll = memory === Infinity;
  const logits = (seen: readonly Seen[]): number[] => {
    let key: [number, number] = [isAll ? seen.length : 0, seed];
    for (const [id, position] of isAll ? seen : seen.slice(-memory))
      key = threefry2x32(key, [id, isAll ? position : 0]);
    return Array.from({ length: vocabSize }, (_, id) => (threefry2x32(key, [id, 1])[0] / 2 ** 32) * 6 - 3);
  };
  return new ToyModel(logits, { vocabSize, contextLength });
}

/** A tokenizer with one token for each given text; encodes by the longest that fits. */
export function toyTokenizer(
  texts: readonly string[],
  { eosTokenId }: { eosTokenId?: number } = {},
): GenerationTokenizer {
  const decode = (ids: readonly number[]): string => ids.map((id) => texts[id]).join('');
  return {
    eosTokenId,
    decode,
    encode: (text) => {
      const ids: number[] = [];
      for (let at = 0; at < text.length; at += texts[ids.at(-1)!]!.length) {
        const fitting = texts.filter((token) => token !== '' && text.startsWith(token, at));
        ids.push(texts.indexOf(fitting.sort((a, b) => b.length - a.length)[0]!));
      }
      return { ids };
    },
    decodeStream: () => ({ push: (id) => decode([id]), end: () => '' }),
  };
}
