import { demand, GenerationError } from './errors.ts';
import type { LanguageModel } from './model.ts';
import type { DecoderRow } from './decoder.ts';
import type { TokenIds } from './processors/logits-processor.ts';

/** The tokens of one prompt, or those of several. */
export type Prompts = TokenIds | readonly TokenIds[];

/** Prompts as rows; throws a {@link GenerationError} where one is empty, has ids outside of the vocabulary, or a mask that doesn't fit. */
export function readPrompts(
  prompts: Prompts,
  {
    model,
    attentionMask,
    where,
  }: { model: LanguageModel; attentionMask?: readonly TokenIds[] | undefined; where: string },
): DecoderRow[] {
  const rows = isBatch(prompts) ? prompts : [prompts];
  if (attentionMask && attentionMask.length !== rows.length) {
    throw new GenerationError(
      `${where}: attentionMask must have a row for each of ${rows.length} prompts, got ${attentionMask.length}`,
    );
  }
  return rows.map((row, i) => {
    const ids = [...row];
    const name = isBatch(prompts) ? `prompt ${i}` : 'the prompt';
    const padding = attentionMask ? paddingOf(attentionMask[i] as TokenIds, { length: ids.length, name, where }) : 0;
    if (padding === ids.length) throw new GenerationError(`${where}: ${name} must have at least one token, got none`);
    checkTokens(ids, { model, name, where });
    return { ids, padding };
  });
}

/** Prompts that an encoder reads. */
export interface EncoderPrompts {
  /** As given. */
  readonly given: readonly (readonly number[])[];
  /** Without the padding on the right that the mask tells of. */
  readonly tokens: readonly (readonly number[])[];
}

/** What an encoder reads, with padding on the right where `attentionMask` tells of some. Throws a {@link GenerationError} as {@link readPrompts} does. */
export function readEncoderPrompts(
  prompts: Prompts,
  {
    model,
    attentionMask,
    where,
  }: { model: LanguageModel; attentionMask?: readonly TokenIds[] | undefined; where: string },
): EncoderPrompts {
  const rows = readPrompts(prompts, { model, where });
  if (attentionMask && attentionMask.length !== rows.length)
    throw new GenerationError(
      `${where}: attentionMask must have a row for each of ${rows.length} prompts, got ${attentionMask.length}`,
    );
  const tokens = rows.map(({ ids }, i) => {
    const mask = attentionMask?.[i];
    if (!mask) return ids;
    const bits = [...mask];
    const length = bits.lastIndexOf(1) + 1;
    if (length === 0 || bits.length !== ids.length || bits.some((bit, at) => bit !== (at < length ? 1 : 0)))
      throw new GenerationError(
        `${where}: the attentionMask of prompt ${i} must be ones, then zeros, ${ids.length} in all, got [${bits.join(', ')}]`,
      );
    return ids.slice(0, length);
  });
  return { given: rows.map(({ ids }) => ids), tokens };
}

function isBatch(prompts: Prompts): prompts is readonly TokenIds[] {
  return Array.isArray(prompts) && prompts.length > 0 && typeof prompts[0] !== 'number';
}

function checkTokens(
  ids: readonly number[],
  { model, name, where }: { model: LanguageModel; name: string; where: string },
): void {
  const { vocabSize } = model.config;
  for (const id of ids) {
    const valid = Number.isInteger(id) && id >= 0 && id < vocabSize;
    demand(valid, { where, name: `each id of ${name}`, wanted: `in the vocabulary of ${vocabSize} tokens`, got: id });
  }
}

function paddingOf(mask: TokenIds, { length, name, where }: { length: number; name: string; where: string }): number {
  const bits = [...mask];
  const padding = bits.indexOf(1) === -1 ? bits.length : bits.indexOf(1);
  const isLeft = bits.length === length && bits.every((bit, i) => bit === (i < padding ? 0 : 1));
  if (!isLeft)
    throw new GenerationError(
      `${where}: the attentionMask of ${name} must be zeros, then ones, ${length} in all, got [${bits.join(', ')}]`,
    );
  return padding;
}
