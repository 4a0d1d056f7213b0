import type { Encoding } from '@formers/tokenizers';
import { Tensor, type Tensor3D } from '@tensorflow/tfjs-core';

import { checkChoice, checkTexts } from '../inputs.ts';
import { type CallOptions, runBatches, takeValues } from '../run-batches.ts';
import { encodeTexts } from '../text/encode-texts.ts';
import type { ReadingModel } from '../text/reading-model.ts';
import { callOnBatch, rowsAtOnce } from '../text/text-batch.ts';
import { Features } from './features.ts';
import { definePipeline, type TextParts, type TextPipeline } from './task.ts';

const TASK = 'feature-extraction';
const POOLINGS = ['none', 'mean', 'cls'] as const;

/** How hidden states become features. */
export interface FeatureExtractionOptions extends CallOptions {
  /** One vector for each text: the mean of its tokens, or that of the first token; default `none`, a vector for each token. */
  readonly pooling?: (typeof POOLINGS)[number] | undefined;
  /** Whether vectors are scaled to length 1; default false. */
  readonly normalize?: boolean | undefined;
}

/** A model that {@link featureExtraction} takes: its hidden states are [batch, seq, dim]. */
export type FeatureModel = ReadingModel<Tensor3D | { readonly hidden: Tensor3D }>;

/** Gives the hidden states of texts. */
export interface FeatureExtractionPipeline extends TextPipeline<typeof TASK, FeatureModel> {
  /** Features [texts, seq, dim], with zeros after shorter texts, or [texts, dim] with pooling. */
  (texts: string | readonly string[], options?: FeatureExtractionOptions): Promise<Features>;
}

/**
 * A pipeline that makes vectors of texts, for search and comparison.
 *
 * @example
 * const extract = featureExtraction({ model, tokenizer });
 * const { dims, data } = await extract(['a whale', 'a ship'], { pooling: 'mean', normalize: true }); // [2, dim]
 */
export function featureExtraction({ model, tokenizer }: TextParts<FeatureModel>): FeatureExtractionPipeline {
  const call = async (
    input: string | readonly string[],
    { pooling = 'none', normalize = false, ...options }: FeatureExtractionOptions = {},
  ): Promise<Features> => {
    const texts = checkTexts(input, { where: TASK, name: 'text' });
    checkChoice(pooling, { among: POOLINGS, where: TASK, name: 'pooling' });
    const encodings = encodeTexts(texts, { model, tokenizer });
    const batchSize = rowsAtOnce(model, options.batchSize ?? 8);
    const vectors = await runBatches(encodings, { ...options, batchSize }, async (batch) => {
      const states = callOnBatch(model, batch, {
        tokenizer,
        read: (output) => (output instanceof Tensor ? output : output.hidden),
      });
      const [, seq, dim] = states.shape;
      const values = await takeValues(states);
      return batch.map((encoding, row) => {
        const start = row * seq * dim;
        const tokens = vectorsOf(values.subarray(start, start + encoding.length * dim), dim);
        const pooled = pooling === 'none' ? tokens : [pool(tokens, { pooling, encoding, dim })];
        return normalize ? pooled.map(toUnitLength) : pooled;
      });
    });
    return pooling === 'none' ? Features.padded(vectors) : Features.stacked(vectors.flat());
  };
  return definePipeline(call as FeatureExtractionPipeline, { task: TASK, model, tokenizer });
}

function vectorsOf(values: Float32Array, dim: number): Float32Array[] {
  return Array.from({ length: values.length / dim }, (_, i) => values.subarray(i * dim, (i + 1) * dim));
}

function pool(
  tokens: readonly Float32Array[],
  { pooling, encoding, dim }: { pooling: 'cls' | 'mean'; encoding: Encoding; dim: number },
): Float32Array {
  if (pooling === 'cls') return tokens[0] ?? new Float32Array(dim);
  const total = new Float64Array(dim);
  for (const token of tokens) for (const [i, value] of token.entries()) total[i] = (total[i] as number) + value;
  return Float32Array.from(total, (sum) => sum / Math.max(1, encoding.length));
}

/** Divided by its Euclidean length. A vector of zeros stays. */
function toUnitLength(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / Math.max(length, 1e-12));
}
