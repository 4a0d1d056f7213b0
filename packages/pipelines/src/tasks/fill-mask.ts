import { ValueError } from '@formers/backend';
import type { Encoding, Tokenizer } from '@formers/tokenizers';
import { gather, reshape, tensor1d, type Tensor2D, type Tensor3D } from '@tensorflow/tfjs-core';

import { checkTexts, checkTopK } from '../inputs.ts';
import { type CallOptions, runBatches, takeValues } from '../run-batches.ts';
import { largest, softmax } from '../scores.ts';
import { encodeTexts } from '../text/encode-texts.ts';
import type { ReadingModel } from '../text/reading-model.ts';
import { callOnBatch, rowsAtOnce } from '../text/text-batch.ts';
import { definePipeline, type TextParts, type TextPipeline } from './task.ts';

const TASK = 'fill-mask';

/** One way to fill in a masked word. */
export interface FilledMask {
  /** Its probability. */
  readonly score: number;
  /** The id of the token. */
  readonly token: number;
  readonly token_str: string;
  /** The whole text with it. */
  readonly sequence: string;
}

/** How masks are filled in. */
export interface FillMaskOptions extends CallOptions {
  /** How many tokens for each mask; default 5, null for all. */
  readonly topK?: number | null | undefined;
  /** Only these tokens; of texts of several tokens the first one counts. */
  readonly targets?: string | readonly string[] | undefined;
}

/** Fills in the masked words of texts. */
export interface FillMaskPipeline extends TextPipeline<typeof TASK, MaskFiller> {
  /** The likeliest tokens for the one mask of a text. */
  (text: string, options?: FillMaskOptions & { masks?: 'one' }): Promise<FilledMask[]>;
  /** The likeliest tokens for each mask of a text. */
  (text: string, options: FillMaskOptions & { masks: 'each' }): Promise<FilledMask[][]>;
  /** The likeliest tokens for the one mask of each text. */
  (texts: readonly string[], options?: FillMaskOptions & { masks?: 'one' }): Promise<FilledMask[][]>;
  /** The likeliest tokens for each mask of each text. */
  (texts: readonly string[], options: FillMaskOptions & { masks: 'each' }): Promise<FilledMask[][][]>;
}

/** A model that {@link fillMask} takes: its logits are [batch, seq, vocab]. */
export type MaskFiller = ReadingModel<Tensor3D>;

/**
 * A pipeline that fills in masked words.
 *
 * @example
 * const fill = fillMask({ model, tokenizer });
 * const [best] = await fill('The whale is [MASK].'); // { score, token, token_str, sequence }
 */
export function fillMask({ model, tokenizer }: TextParts<MaskFiller>): FillMaskPipeline {
  const { maskTokenId } = tokenizer;
  if (maskTokenId === undefined)
    throw new ValueError(`${TASK}: tokenizer must have a mask token, got one without mask_token`);
  const call = async (
    input: string | readonly string[],
    { topK = 5, targets, masks = 'one', ...options }: FillMaskOptions & { masks?: 'each' | 'one' } = {},
  ): Promise<unknown> => {
    const texts = checkTexts(input, { where: TASK, name: 'text' });
    const allowed = targets === undefined ? undefined : targetIds(tokenizer, targets);
    const count = checkTopK(topK, TASK);
    const { batchSize = 8 } = options;
    const encodings = encodeTexts(texts, { model, tokenizer }).map((encoding, i) => ({
      encoding,
      masked: maskedPlaces(encoding, { maskTokenId, masks, tokenizer, name: texts.length > 1 ? `text ${i}` : 'text' }),
    }));
    const results = await runBatches(
      encodings,
      { ...options, batchSize: rowsAtOnce(model, batchSize) },
      async (batch) => {
        const rows = await maskedLogits(model, batch, tokenizer);
        return batch.map(({ encoding, masked }) =>
          masked.map((place) =>
            fillings(rows.shift() as Float32Array, { encoding, place, masks, allowed, count, tokenizer }),
          ),
        );
      },
    );
    const found = masks === 'each' ? results : results.map(([first]) => first);
    return Array.isArray(input) ? found : found[0];
  };
  return definePipeline(call as FillMaskPipeline, { task: TASK, model, tokenizer });
}

interface MaskedText {
  readonly encoding: Encoding;
  readonly masked: readonly number[];
}

/** The logits of all masked places of a batch, one row each; the others are never read. */
async function maskedLogits(
  model: MaskFiller,
  batch: readonly MaskedText[],
  tokenizer: Tokenizer,
): Promise<Float32Array[]> {
  const seq = Math.max(...batch.map(({ encoding }) => encoding.length));
  const places = batch.flatMap(({ masked }, row) => masked.map((place) => row * seq + place));
  const logits = callOnBatch(
    model,
    batch.map(({ encoding }) => encoding),
    {
      tokenizer,
      read: (output) => {
        const flat: Tensor2D = reshape(output, [-1, output.shape[2]]); // [batch * seq, vocab]
        return gather(flat, tensor1d(places, 'int32')); // [masks, vocab]
      },
    },
  );
  const vocab = logits.shape[1] as number;
  const values = await takeValues(logits);
  return places.map((_, i) => values.subarray(i * vocab, (i + 1) * vocab));
}

function fillings(
  logits: Float32Array,
  {
    encoding,
    place,
    masks,
    allowed,
    count,
    tokenizer,
  }: {
    encoding: Encoding;
    place: number;
    masks: 'each' | 'one';
    allowed: readonly number[] | undefined;
    count: number;
    tokenizer: Tokenizer;
  },
): FilledMask[] {
  const scores = softmax(logits);
  const candidates = allowed ?? [...scores.keys()];
  const best = largest(
    candidates.map((id) => scores[id] as number),
    count,
  );
  return best.map((i) => {
    const token = candidates[i] as number;
    // Other masks are special tokens: they stay, so that the text can be read.
    const skipSpecialTokens = masks === 'one' || encoding.ids.filter((id) => id === encoding.ids[place]).length === 1;
    const sequence = tokenizer.decode(encoding.ids.with(place, token), { skipSpecialTokens });
    return { score: scores[token] as number, token, token_str: tokenizer.decode([token]), sequence };
  });
}

function maskedPlaces(
  { ids, tokens }: Encoding,
  { maskTokenId, masks, tokenizer, name }: { maskTokenId: number; masks: string; tokenizer: Tokenizer; name: string },
): number[] {
  const places = [...ids.keys()].filter((place) => ids[place] === maskTokenId);
  const mask = tokenizer.config.maskToken;
  if (places.length === 0)
    throw new ValueError(
      `${TASK}: ${name} must have the mask token ${mask}, got none among its ${tokens.length} tokens`,
    );
  if (places.length > 1 && masks === 'one')
    throw new ValueError(`${TASK}: ${name} must have one ${mask}, got ${places.length}; masks: 'each' fills in all`);
  return places;
}

function targetIds(tokenizer: Tokenizer, targets: string | readonly string[]): number[] {
  const ids = checkTexts(targets, { where: TASK, name: 'targets' }).map((target) => {
    const id =
      tokenizer.tokenToId(target) ??
      tokenizer.encode(target, { addSpecialTokens: false, truncation: false, padding: false }).ids[0];
    if (id === undefined) throw new ValueError(`${TASK}: targets must be tokens, got ${JSON.stringify(target)}`);
    return id;
  });
  if (ids.length === 0) throw new ValueError(`${TASK}: targets must be at least one token, got none`);
  return [...new Set(ids)].sort((a, b) => a - b);
}
