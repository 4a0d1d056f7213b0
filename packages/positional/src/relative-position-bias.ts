import { embedding, type RandomStream } from '@formers/backend';
import { type Initializer, Module, normal, parameter } from '@formers/nn';
import {
  expandDims,
  type Rank,
  tensor2d,
  type Tensor3D,
  type Tensor4D,
  transpose,
  type Variable,
} from '@tensorflow/tfjs-core';

import { relativeBucket, type RelativeBucketOptions } from './relative-bucket.ts';

/** Options of {@link RelativePositionBias}. */
export interface RelativePositionBiasConfig extends RelativeBucketOptions {
  numHeads: number;
  /** Default normal with standard deviation 0.02. */
  init?: Initializer;
  random: RandomStream | null;
}

/** The queries and keys that {@link RelativePositionBias} is for. */
export interface RelativePositionBiasRequest {
  queries: number;
  keys: number;
  /** Position of the first query among the keys, for instance how many a cache holds; default `keys - queries`, so that the last query stands at the last key. */
  offset?: number | undefined;
}

/**
 * T5's relative positions (Raffel et al. 2020, section 2.1): a learned number per head and bucket of distances, the `bias` of any attention.
 * [1, heads, queries, keys].
 *
 * @example
 * const bias = relative.call({ queries: 8, keys: 8 });
 * const y = attention.call(x, { bias });
 */
export class RelativePositionBias extends Module<[request: RelativePositionBiasRequest], Tensor4D> {
  /** [numBuckets, numHeads] */
  readonly weight: Variable<Rank.R2>;
  readonly #buckets: Required<RelativeBucketOptions>;

  /** @throws ConfigError when there are too few buckets, or maxDistance is so small that no bucket is left for it. */
  constructor({
    numHeads,
    numBuckets = 32,
    maxDistance = 128,
    bidirectional = true,
    init = normal(0.02),
    random,
  }: RelativePositionBiasConfig) {
    super();
    this.#buckets = { numBuckets, maxDistance, bidirectional };
    relativeBucket(0, this.#buckets); // refuses what can't be
    this.weight = parameter<Rank.R2>([numBuckets, numHeads], { init, random });
  }

  protected override forward({ queries, keys, offset = keys - queries }: RelativePositionBiasRequest): Tensor4D {
    const ofDistance = Int32Array.from(
      { length: queries + keys - 1 },
      (_, i) => relativeBucket(i - (queries - 1) - offset, this.#buckets), // from the last query's distance to the first key on
    );
    const buckets = new Int32Array(queries * keys);
    for (let query = 0; query < queries; query++)
      buckets.set(ofDistance.subarray(queries - 1 - query, queries - 1 - query + keys), query * keys);
    const values = embedding<Tensor3D>(this.weight, tensor2d(buckets, [queries, keys], 'int32')); // [queries, keys, heads]
    return expandDims(transpose(values, [2, 0, 1])); // [1, heads, queries, keys]
  }
}
