import { ConfigError } from '@formers/backend';
import type { JsonObject } from '@formers/checkpoints';
import type { NameRow, PretrainedFormat } from '@formers/nn';

import {
  bertConfigToHuggingFace,
  bertOptionsFromHuggingFace,
  ENCODER_NAMES,
  layerNames,
  OLD_ENDINGS,
  VOCABULARY,
  within,
} from '../bert/hf.ts';
import { type RobertaConfig, robertaConfig } from './config.ts';

const ENCODER = within('encoder.', 'roberta.', ENCODER_NAMES);
const WORDS: readonly NameRow[] = [
  ...layerNames('head.dense', 'lm_head.dense'),
  ...layerNames('head.norm', 'lm_head.layer_norm'),
  ...layerNames('head.projection', 'lm_head.decoder'),
  ['head.bias', 'lm_head.bias'],
];

const POSITION_IDS = /(^|\.)embeddings\.position_ids$/;
const TIED = /^lm_head\.decoder\.(weight|bias)$/;
const POOLER = /^(roberta\.)?pooler\.dense\.(weight|bias)$/;

const shared = {
  modelType: 'roberta',
  basePrefix: 'roberta.',
  isBase: false,
  oldEndings: OLD_ENDINGS,
  ignored: [POSITION_IDS, TIED, POOLER],
  vocabulary: ['encoder.tokens.weight'],
  parseConfig: robertaConfigFromHuggingFace,
  serializeConfig: robertaConfigToHuggingFace,
} as const;

/** `RobertaModel` folders. */
export const ROBERTA_MODEL: PretrainedFormat<RobertaConfig> = {
  ...shared,
  optional: [POOLER],
  architecture: 'RobertaModel',
  isBase: true,
  names: [...within('encoder.', '', ENCODER_NAMES), ...layerNames('pooler.dense', 'pooler.dense')],
};

/** `RobertaForMaskedLM` folders. */
export const ROBERTA_MASKED_LANGUAGE_MODEL: PretrainedFormat<RobertaConfig> = {
  ...shared,
  architecture: 'RobertaForMaskedLM',
  names: [...ENCODER, ...WORDS],
  vocabulary: VOCABULARY,
};

/** `RobertaForSequenceClassification` folders. */
export const ROBERTA_SEQUENCE_CLASSIFIER: PretrainedFormat<RobertaConfig> = {
  ...shared,
  architecture: 'RobertaForSequenceClassification',
  names: [...ENCODER, ...layerNames('pooler.dense', 'classifier.dense'), ...layerNames('head', 'classifier.out_proj')],
};

/** `RobertaForMultipleChoice` folders. */
export const ROBERTA_MULTIPLE_CHOICE: PretrainedFormat<RobertaConfig> = {
  ...shared,
  optional: [POOLER],
  architecture: 'RobertaForMultipleChoice',
  names: [...ENCODER, ...layerNames('pooler.dense', 'roberta.pooler.dense'), ...layerNames('head', 'classifier')],
};

/** `RobertaForTokenClassification` folders. */
export const ROBERTA_TOKEN_CLASSIFIER: PretrainedFormat<RobertaConfig> = {
  ...shared,
  architecture: 'RobertaForTokenClassification',
  names: [...ENCODER, ...layerNames('head', 'classifier')],
};

/** `RobertaForQuestionAnswering` folders. */
export const ROBERTA_QUESTION_ANSWERER: PretrainedFormat<RobertaConfig> = {
  ...shared,
  architecture: 'RobertaForQuestionAnswering',
  names: [...ENCODER, ...layerNames('head', 'qa_outputs')],
};

/** A `roberta` config.json as ours. @throws {@link ConfigError} naming what no RoBERTa can be built from. */
export function robertaConfigFromHuggingFace(json: JsonObject): RobertaConfig {
  const withDefaults = { vocab_size: 50265, pad_token_id: 1, bos_token_id: 0, eos_token_id: 2, ...json };
  const options = bertOptionsFromHuggingFace(withDefaults) as RobertaConfig;
  const { padTokenId, contextLength: rows } = options; // of which those up to the padding's are no one's position
  if (!Number.isInteger(padTokenId))
    throw new ConfigError('config.json: pad_token_id must be a token of its own, as positions are counted past it');
  if (!(rows > padTokenId + 1))
    throw new ConfigError(`config.json: max_position_embeddings must be over ${padTokenId + 1}, got ${rows}`);
  return robertaConfig({ ...options, contextLength: rows - padTokenId - 1 });
}

function robertaConfigToHuggingFace(config: RobertaConfig): JsonObject {
  return {
    ...bertConfigToHuggingFace(config),
    max_position_embeddings: config.contextLength + config.padTokenId + 1,
  };
}
