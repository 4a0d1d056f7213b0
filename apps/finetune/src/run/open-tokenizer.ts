import { modelFolder, UsageError } from '@formers/cli';
import { Tokenizer } from '@formers/tokenizers';

import type { TaskRequest } from '../tasks/task.ts';

/** What tasks read of the config of a model of texts. */
export interface TextConfig {
  readonly vocabSize: number;
  readonly contextLength: number;
  /** What fills rows up; set where the checkpoint names nothing. */
  padTokenId?: number | undefined;
}

/** The tokenizer of a run. One without a padding token, as GPT-2's, pads with its last token, which then the model is told, too. */
export async function openTokenizer({ config, checkpoint, signal }: TaskRequest): Promise<Tokenizer> {
  const tokenizer = await Tokenizer.fromPretrained(checkpoint ?? (await modelFolder(config.model)), { signal });
  if (tokenizer.padTokenId !== undefined) return tokenizer;
  const padToken = tokenizer.config.eosToken ?? tokenizer.config.unkToken;
  if (padToken === undefined) return tokenizer;
  return Tokenizer.fromJson(tokenizer.toJson(), { ...tokenizer.config.toJson(), pad_token: padToken });
}

/**
 * Makes model and tokenizer agree.
 *
 * @throws {@link UsageError} for a tokenizer with more tokens than the model has, or a length that it doesn't take.
 */
export function fitTokenizer(
  model: { readonly config: TextConfig },
  { tokenizer, maxLength }: { tokenizer: Tokenizer; maxLength: number | undefined },
): { maxLength: number } {
  const { vocabSize, contextLength } = model.config;
  if (tokenizer.vocabSize > vocabSize)
    throw new UsageError(`--model: its tokenizer has ${tokenizer.vocabSize} tokens, but the model only ${vocabSize}`);
  const most = Math.min(contextLength, tokenizer.config.modelMaxLength ?? Infinity);
  if (maxLength !== undefined && maxLength > most)
    throw new UsageError(`--max-length must be at most ${most}, what the model takes, got ${maxLength}`);
  if (model.config.padTokenId === undefined && tokenizer.padTokenId !== undefined)
    model.config.padTokenId = tokenizer.padTokenId;
  return { maxLength: maxLength ?? Math.min(512, most) };
}

/** Whether the tokenizer is meant to tell first texts from second ones; models without segments are not told. */
export function hasTokenTypes(model: { readonly config: object }, tokenizer: Tokenizer): boolean {
  const { numTokenTypes } = model.config as { numTokenTypes?: number };
  const { model_input_names: names } = tokenizer.config.toJson() as { model_input_names?: unknown };
  return (numTokenTypes ?? 0) > 1 && !(Array.isArray(names) && !names.includes('token_type_ids'));
}
