import { ConfigError } from '@formers/backend';
import type { JsonObject } from '@formers/checkpoints';

import { checkPatterns, type Patterns } from './patterns.ts';
import type { ModuleNames } from './targets.ts';

/** What an adapter_config.json of PEFT says. */
export interface PeftConfig {
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly rankPattern: Patterns;
  readonly alphaPattern: Patterns;
  readonly bias: 'none' | 'all' | 'lora_only';
  readonly rsLoRA: boolean;
  readonly moduleNames: ModuleNames;
  readonly targets: readonly string[];
  readonly modulesToSave: readonly string[];
  readonly isTransposed: boolean;
  readonly architecture: string | undefined;
  /** Name or folder of the model that it changes. */
  readonly base: string | undefined;
}

/** Keys of PEFT that change what is computed, with the values that change nothing. */
const PLAIN: JsonObject = {
  alora_invocation_tokens: null,
  arrow_config: null,
  layer_replication: null,
  lora_bias: false,
  target_parameters: null,
  trainable_token_indices: null,
  use_bdlora: null,
  use_dora: false,
  use_qalora: false,
};

/** What PEFT calls the tasks of Hugging Face's classes. */
const TASKS: readonly (readonly [RegExp, string])[] = [
  [/ForSequenceClassification$/, 'SEQ_CLS'],
  [/ForTokenClassification$/, 'TOKEN_CLS'],
  [/ForQuestionAnswering$/, 'QUESTION_ANS'],
  [/ForConditionalGeneration$|MarianMTModel$/, 'SEQ_2_SEQ_LM'],
  [/ForCausalLM$|LMHeadModel$/, 'CAUSAL_LM'],
];

/** As PEFT writes it: keys are sorted, but not those of patterns, of which the first that matches counts. */
export function serializePeftConfig(config: PeftConfig): JsonObject {
  const { rank, alpha, dropout, rsLoRA, targets, modulesToSave, isTransposed, architecture = '', base } = config;
  const json: JsonObject = {
    ...PLAIN,
    alpha_pattern: { ...config.alphaPattern },
    auto_mapping: null,
    base_model_name_or_path: base ?? null,
    bias: config.bias,
    exclude_modules: null,
    fan_in_fan_out: isTransposed,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: alpha,
    lora_dropout: dropout,
    modules_to_save: modulesToSave.length > 0 ? [...modulesToSave] : null,
    peft_type: 'LORA',
    r: rank,
    rank_pattern: { ...config.rankPattern },
    revision: null,
    target_modules: [...targets],
    task_type: TASKS.find(([pattern]) => pattern.test(architecture))?.[1] ?? null,
    use_rslora: rsLoRA,
  };
  return Object.fromEntries(Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** @throws {@link ConfigError} naming the first key that is malformed, or asks for what LoRA here can't do. */
export function parsePeftConfig(
  json: JsonObject,
): Omit<PeftConfig, 'targets' | 'modulesToSave' | 'moduleNames' | 'isTransposed' | 'architecture'> {
  const wrong = (key: string, wanted: string): never => {
    throw new ConfigError(`adapter_config.json: ${key} must be ${wanted}, got ${JSON.stringify(json[key])}`);
  };
  if (json['peft_type'] !== 'LORA') wrong('peft_type', '"LORA"');
  for (const [key, plain] of Object.entries(PLAIN))
    if (json[key] !== undefined && json[key] !== null && JSON.stringify(json[key]) !== JSON.stringify(plain))
      wrong(key, JSON.stringify(plain));
  const number = (key: string, { fallback, least }: { fallback: number; least: number }): number => {
    const value = json[key] ?? fallback;
    return typeof value === 'number' && value >= least && value < Infinity
      ? value
      : (wrong(key, `a number from ${least}`) as never);
  };
  const patterns = (key: string, name: string): Patterns => {
    const value = json[key] ?? {};
    if (typeof value !== 'object' || Array.isArray(value) || !Object.values(value).every(isNumber))
      return wrong(key, 'an object of numbers');
    checkPatterns(name, value as Patterns);
    return value as Patterns;
  };
  const rank = number('r', { fallback: 8, least: 1 });
  const dropout = number('lora_dropout', { fallback: 0, least: 0 });
  if (!Number.isInteger(rank)) wrong('r', 'a whole number');
  if (dropout >= 1) wrong('lora_dropout', 'below 1');
  const { base_model_name_or_path: base } = json;
  const bias = json['bias'] ?? 'none';
  if (bias !== 'none' && bias !== 'all' && bias !== 'lora_only') return wrong('bias', '"none", "all" or "lora_only"');
  return {
    rank,
    alpha: number('lora_alpha', { fallback: 8, least: 0 }),
    dropout,
    rankPattern: patterns('rank_pattern', 'rankPattern'),
    alphaPattern: patterns('alpha_pattern', 'alphaPattern'),
    bias,
    rsLoRA: json['use_rslora'] === true,
    base: typeof base === 'string' ? base : undefined,
  };
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}
