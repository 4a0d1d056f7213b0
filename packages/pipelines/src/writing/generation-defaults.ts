import { type GenerationConfig, type LanguageModel, parseGenerationConfig } from '@formers/generation';
import { isJsonObject, type JsonObject, parseJsonObject } from '@formers/checkpoints';
import type { Tokenizer } from '@formers/tokenizers';

/** A model that writes, and what it was loaded from. */
export type WritingModel = LanguageModel & {
  readonly config: { readonly eosTokenId?: number | undefined; readonly padTokenId?: number | undefined };
  readonly origin?: { readonly config?: JsonObject; readonly generationConfig?: Uint8Array | undefined } | undefined;
  dispose(): void;
};

/** What a model's config.json wants for a task, such as the prefix that T5 was trained with. */
export interface TaskSettings {
  readonly prefix: string;
  readonly generationConfig: GenerationConfig;
}

/** The generation settings of a model: of its generation_config.json or, where it has none, of config.json, as older checkpoints have them; then those of a task. */
export function taskSettings(
  model: WritingModel,
  { tokenizer, task }: { tokenizer: Tokenizer; task: string },
): TaskSettings {
  const config = model.origin?.config ?? {};
  const allParams = config['task_specific_params'];
  const params = isJsonObject(allParams) && Object.hasOwn(allParams, task) ? allParams[task] : undefined;
  const own = isJsonObject(params) ? params : {};
  const general = model.generationConfig ?? parseGenerationConfig(storedSettings(model));
  const { eosTokenId = model.config.eosTokenId ?? tokenizer.eosTokenId } = general;
  const { padTokenId = model.config.padTokenId ?? tokenizer.padTokenId } = general;
  const prefix = own['prefix'] ?? config['prefix'];
  return {
    prefix: typeof prefix === 'string' ? prefix : '',
    generationConfig: { ...general, eosTokenId, padTokenId, ...parseGenerationConfig(own) },
  };
}

/** The seed of a batch: other random numbers than those of the batches before it. */
export function seedOf({ seed }: { seed?: number | undefined }, start: number): number | undefined {
  return seed === undefined ? undefined : seed + start;
}

function storedSettings({ origin }: WritingModel): JsonObject {
  if (origin?.generationConfig) return parseJsonObject(origin.generationConfig, { where: 'generation_config.json' });
  const config = Object.entries(origin?.config ?? {});
  return Object.fromEntries(config.filter(([name]) => OLD_SETTINGS.has(name)));
}

/** Keys of config.json that older releases of Transformers kept there. */
const OLD_SETTINGS: ReadonlySet<string> = new Set([
  'max_length',
  'min_length',
  'do_sample',
  'early_stopping',
  'num_beams',
  'temperature',
  'top_k',
  'top_p',
  'typical_p',
  'repetition_penalty',
  'length_penalty',
  'no_repeat_ngram_size',
  'encoder_no_repeat_ngram_size',
  'bad_words_ids',
  'num_return_sequences',
  'forced_bos_token_id',
  'forced_eos_token_id',
  'remove_invalid_values',
  'exponential_decay_length_penalty',
  'suppress_tokens',
  'begin_suppress_tokens',
  'eos_token_id',
  'pad_token_id',
  'bos_token_id',
  'decoder_start_token_id',
]);
