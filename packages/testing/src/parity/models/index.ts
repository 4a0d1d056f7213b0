import { ConfigError } from '@formers/backend';
import { bartConfigFromHuggingFace } from '@formers/bart';
import {
  bertConfigFromHuggingFace,
  distilBertConfigFromHuggingFace,
  robertaConfigFromHuggingFace,
} from '@formers/bert';
import type { JsonObject } from '@formers/checkpoints';
import { gpt1ConfigFromHuggingFace, gptConfigFromHuggingFace, gptNeoConfigFromHuggingFace } from '@formers/gpt';
import { t5ConfigFromHuggingFace } from '@formers/t5';
import { marianConfigFromHuggingFace } from '@formers/transformer';
import { vitConfigFromHuggingFace, vitMAEConfigFromHuggingFace } from '@formers/vit';

import { Unsupported } from '../case.ts';
import type { ModelAdapter } from './adapter.ts';
import { BART_ADAPTERS } from './bart.ts';
import { BERT_ADAPTERS } from './bert.ts';
import { GPT_ADAPTERS } from './gpt.ts';
import { T5_ADAPTERS } from './t5.ts';
import { TRANSFORMER_ADAPTERS } from './transformer.ts';
import { VIT_ADAPTERS } from './vit.ts';

const ADAPTERS: ReadonlyMap<string, ModelAdapter> = new Map([
  ...BART_ADAPTERS,
  ...BERT_ADAPTERS,
  ...GPT_ADAPTERS,
  ...T5_ADAPTERS,
  ...TRANSFORMER_ADAPTERS,
  ...VIT_ADAPTERS,
]);

const CONFIG_PARSERS: ReadonlyMap<unknown, (json: JsonObject) => object> = new Map<
  unknown,
  (json: JsonObject) => object
>([
  ['openai-gpt', gpt1ConfigFromHuggingFace],
  ['bert', bertConfigFromHuggingFace],
  ['distilbert', distilBertConfigFromHuggingFace],
  ['roberta', robertaConfigFromHuggingFace],
  ['gpt2', gptConfigFromHuggingFace],
  ['gpt_neo', gptNeoConfigFromHuggingFace],
  ['marian', marianConfigFromHuggingFace],
  ['bart', bartConfigFromHuggingFace],
  ['t5', t5ConfigFromHuggingFace],
  ['deit', vitConfigFromHuggingFace],
  ['vit', vitConfigFromHuggingFace],
  ['vit_mae', vitMAEConfigFromHuggingFace],
]);

/** The adapter of a Hugging Face class. */
export function adapterOf(modelClass: string | undefined): ModelAdapter {
  const adapter = ADAPTERS.get(modelClass ?? '');
  if (!adapter) throw new Unsupported(`no model of ours is a ${modelClass}`);
  return adapter;
}

/** Reads a config.json by its `model_type`. */
export function parseModelConfig(json: JsonObject): object {
  const parse = CONFIG_PARSERS.get(json['model_type']);
  if (!parse)
    throw new ConfigError(
      `config.json: model_type must be one of ${[...CONFIG_PARSERS.keys()].join(', ')}, got ${JSON.stringify(json['model_type'])}`,
    );
  return parse(json);
}
