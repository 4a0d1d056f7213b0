import { ConfigError } from '@formers/backend';
import {
  equal,
  expandDims,
  greater,
  lessEqual,
  logicalAnd,
  range,
  reshape,
  type Tensor2D,
  type Tensor4D,
  tidy,
} from '@tensorflow/tfjs-core';

import type { Collator } from '../batches/collator.ts';
import { padRows } from '../batches/pad.ts';
import { type TensorBatch, tensorBatch } from '../batches/tensor-batch.ts';
import { DataError } from '../errors.ts';
import { type CausalExample, nextTokens } from '../objectives/causal-language-model.ts';
import { countTargets } from '../objectives/token-example.ts';
import { IGNORED_LABEL } from '../token-batch.ts';

/** Several texts behind each other in one row. */
export type Pack<Example> = readonly Example[];

/** A batch of {@link packedLanguageModel}. */
export type PackedBatch = TensorBatch<{
  /** int32 [batch, seq] */
  readonly ids: Tensor2D;
  /** int32 [batch, seq]: begin at 0 with each text */
  readonly positionIds: Tensor2D;
  /** int32 [batch, seq]: 1, 2, ... for the texts of a row, 0 for padding; {@link packingMask} makes a mask of them */
  readonly segmentIds: Tensor2D;
  /** int32 [batch, seq]: the next token of the same text, -100 where there is none */
  readonly targets: Tensor2D;
}>;

/**
 * Lays texts into rows of at most `seqLen` tokens: the longest first, each into the row where the least room is left (best fit decreasing).
 *
 * @throws {@link DataError} `too-long` for a text that fits no row.
 */
export function packExamples<Example extends { readonly ids: Int32Array }>(
  examples: readonly Example[],
  { seqLen }: { seqLen: number },
): Pack<Example>[] {
  if (!(Number.isSafeInteger(seqLen) && seqLen > 0))
    throw new ConfigError(`packExamples: seqLen must be a whole number from 1, got ${seqLen}`);
  const packs: Example[][] = [];
  const byRoom = Array.from({ length: seqLen + 1 }, (): Example[][] => []);
  const order = examples.map((example, number) => ({ example, number }));
  order.sort((a, b) => b.example.ids.length - a.example.ids.length || a.number - b.number);
  for (const { example, number } of order) {
    const { length } = example.ids;
    if (length > seqLen)
      throw new DataError('too-long', `packExamples: example ${number} has ${length} tokens, a row only ${seqLen}`);
    let room = length;
    while (room <= seqLen && byRoom[room]?.length === 0) room++;
    let pack = byRoom[room]?.pop();
    if (!pack) {
      pack = [];
      packs.push(pack);
      room = seqLen;
    }
    pack.push(example);
    byRoom[room - length]?.push(pack);
  }
  return packs;
}

/**
 * Packed texts for a model that says the next token: no token sees or follows another text (by {@link packingMask}), and positions begin anew, so that
 * the loss is that of the texts one by one, without padding between them.
 */
export function packedLanguageModel({
  seqLen,
  padId = 0,
}: {
  seqLen: number;
  padId?: number;
}): Collator<Pack<CausalExample>, PackedBatch> {
  return {
    identity: `packedLanguageModel ${JSON.stringify({ seqLen, padId })}`,
    collate(packs, { step }) {
      const rows = packs.map((pack) => layOut(pack, { seqLen, padId }));
      const tensors = {
        ids: padRows(
          rows.map(({ ids }) => ids),
          { length: seqLen, value: padId },
        ),
        positionIds: padRows(
          rows.map(({ positions }) => positions),
          { length: seqLen, value: 0 },
        ),
        segmentIds: padRows(
          rows.map(({ segments }) => segments),
          { length: seqLen, value: 0 },
        ),
        targets: padRows(
          rows.map(({ targets }) => targets),
          { length: seqLen, value: IGNORED_LABEL },
        ),
      };
      return tensorBatch(tensors, { step, tokens: countTargets(rows.map(({ targets }) => targets)) });
    },
  };
}

/**
 * Which tokens of packed texts may see each other: those of the same text, with `causal` only what is not later. Padding sees nothing.
 *
 * @param segmentIds int32 [batch, seq], 0 = padding
 * @returns bool [batch, 1, seq, seq], true = may attend
 */
export function packingMask(segmentIds: Tensor2D, { causal = false }: { causal?: boolean } = {}): Tensor4D {
  const [batch, seq] = segmentIds.shape;
  return tidy(() => {
    const queries = expandDims(segmentIds, 2); // [batch, seq, 1]
    const same = logicalAnd(equal(queries, expandDims(segmentIds, 1)), greater(queries, 0)); // [batch, seq, seq]
    const places = range(0, seq, 1, 'int32');
    const earlier = lessEqual(reshape(places, [1, 1, seq]), reshape(places, [1, seq, 1])); // [1, seq, seq]
    return reshape(causal ? logicalAnd(same, earlier) : same, [batch, 1, seq, seq]) as Tensor4D;
  });
}

function layOut(
  pack: Pack<CausalExample>,
  { seqLen, padId }: { seqLen: number; padId: number },
): Record<'ids' | 'positions' | 'segments' | 'targets', Int32Array> {
  const ids = new Int32Array(seqLen).fill(padId);
  const targets = new Int32Array(seqLen).fill(IGNORED_LABEL);
  const positions = new Int32Array(seqLen);
  const segments = new Int32Array(seqLen);
  let at = 0;
  for (const [number, example] of pack.entries()) {
    const { length } = example.ids;
    if (at + length > seqLen)
      throw new DataError('too-long', `packedLanguageModel: a pack has more than ${seqLen} tokens; see packExamples`);
    ids.set(example.ids, at);
    targets.set(nextTokens(example).targets, at);
    positions.set(
      Int32Array.from({ length }, (_, i) => i),
      at,
    );
    segments.fill(number + 1, at, at + length);
    at += length;
  }
  return { ids, positions, segments, targets };
}
