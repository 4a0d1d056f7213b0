import { ConfigError } from '@formers/backend';
import type { Tokenizer } from '@formers/tokenizers';
import type { Tensor2D } from '@tensorflow/tfjs-core';

import type { Collator } from '../batches/collator.ts';
import { attentionMaskOf, paddedLength, type PaddingOptions, padRows } from '../batches/pad.ts';
import { type TensorBatch, tensorBatch } from '../batches/tensor-batch.ts';
import { IGNORED_LABEL } from '../token-batch.ts';
import { checkTokens, countTargets } from './token-example.ts';

/** A text for a model that says the next token. */
export interface CausalExample {
  readonly ids: Int32Array;
  /** How many tokens at the begin are given, and not learned to say; default 0. */
  readonly promptLength?: number;
}

/** A batch of {@link causalLanguageModel}. */
export type CausalLanguageBatch = TensorBatch<{
  /** int32 [batch, seq] */
  readonly ids: Tensor2D;
  /** int32 [batch, seq]: 1 for tokens, 0 for padding */
  readonly attentionMask: Tensor2D;
  /** int32 [batch, seq]: the next token, -100 where nothing is to be said */
  readonly targets: Tensor2D;
}>;

/** Texts of different lengths for a model that says the next token, such as prompts with answers; for long texts take `TokenWindows`. */
export function causalLanguageModel({
  tokenizer,
  ...padding
}: PaddingOptions & { tokenizer: Tokenizer }): Collator<CausalExample, CausalLanguageBatch> {
  const padId = tokenizer.padTokenId ?? tokenizer.eosTokenId ?? 0; // never seen by a token to its left
  return {
    identity: `causalLanguageModel ${JSON.stringify({ padId, ...padding })}`,
    collate(examples, { step }) {
      checkTokens(
        examples.map(({ ids }) => ids),
        { tokenizer, where: 'causalLanguageModel' },
      );
      const rows = examples.map(nextTokens);
      const ids = rows.map((row) => row.ids);
      const targets = rows.map((row) => row.targets);
      const length = paddedLength(ids, padding);
      const tensors = {
        ids: padRows(ids, { length, value: padId }),
        attentionMask: attentionMaskOf(ids, length),
        targets: padRows(targets, { length, value: IGNORED_LABEL }),
      };
      return tensorBatch(tensors, { step, tokens: countTargets(targets) });
    },
  };
}

/** What a model reads of a text, and what it should say at each place: the token after it, unless that is of the prompt. */
export function nextTokens({ ids, promptLength = 0 }: CausalExample): { ids: Int32Array; targets: Int32Array } {
  if (ids.length < 2 || promptLength >= ids.length)
    throw new ConfigError(
      `causalLanguageModel: an example needs 2 tokens and one after its prompt, got ${ids.length} tokens with a prompt of ${promptLength}`,
    );
  const targets = ids.slice(1);
  targets.fill(IGNORED_LABEL, 0, Math.max(0, promptLength - 1));
  return { ids: ids.subarray(0, -1), targets };
}
