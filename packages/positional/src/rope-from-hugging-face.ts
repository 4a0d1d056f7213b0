import { ConfigError } from '@formers/backend';

import type { RotaryPositionsConfig } from './rotary.ts';
import type { RotaryScaling } from './rotary-scaling.ts';
import { WHOLE_HEAD_TYPES } from './whole-head-types.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Rotary positions of a Hugging Face config.json, in both spellings: `rope_parameters`, or `rope_theta` and `rope_scaling` with `rope_type` or `type`.
 * The width comes from `head_dim`, or from `hidden_size` and `num_attention_heads`; `partial_rotary_factor`, `rotary_pct` (GPT-NeoX) and `rotary_dim` (GPT-J) are read,
 * but not without scaling where `model_type` is one that doesn't, such as `llama`.
 * Whether pairs are neighbours is no part of a config: architectures know it.
 *
 * @param options.layerType Which entry of `rope_parameters` where layers differ, such as `sliding_attention`.
 * @throws {@link ConfigError} when something is missing or of another kind than a type of scaling needs, or the type isn't known.
 */
export function ropeFromHuggingFace(
  config: Fields,
  { layerType }: { layerType?: string } = {},
): Omit<RotaryPositionsConfig, 'interleaved'> {
  const reader = new Reader(ropeParameters(config, layerType), config);
  const type = reader.type();
  const headDim = readHeadDim(config);
  const theta = reader.number('rope_theta') ?? numberIn(config, 'rope_theta') ?? numberIn(config, 'rotary_emb_base');
  const share =
    reader.number('partial_rotary_factor') ??
    numberIn(config, 'partial_rotary_factor') ??
    numberIn(config, 'rotary_pct');
  const isWhole = type === 'default' && WHOLE_HEAD_TYPES.has(String(config['model_type']));
  const partDim = share === undefined ? numberIn(config, 'rotary_dim') : Math.floor(headDim * share);
  const rotaryDim = isWhole ? undefined : partDim;
  const scaling = readScaling(type, reader);
  return {
    headDim,
    ...(rotaryDim !== undefined && { rotaryDim }),
    ...(theta !== undefined && { theta }),
    ...(scaling && { scaling }),
  };
}

/** The part of a config that tells how positions turn. */
function ropeParameters(config: Fields, layerType: string | undefined): Fields {
  const parameters = config['rope_parameters'] ?? config['rope_scaling'] ?? {};
  if (!isFields(parameters)) throw wrong('rope_parameters', 'an object', parameters);
  const isNested = !('rope_type' in parameters || 'type' in parameters) && Object.values(parameters).some(isFields);
  if (!isNested) return parameters;
  const nested = layerType === undefined ? undefined : parameters[layerType];
  if (isFields(nested)) return nested;
  throw new ConfigError(
    `ropeFromHuggingFace: layerType must be one of ${Object.keys(parameters).join(', ')}, got ${layerType ?? 'none'}`,
  );
}

function readHeadDim(config: Fields): number {
  const headDim = numberIn(config, 'head_dim');
  if (headDim !== undefined) return headDim;
  const dim = numberIn(config, 'hidden_size') ?? numberIn(config, 'n_embd');
  const heads = numberIn(config, 'num_attention_heads') ?? numberIn(config, 'n_head');
  if (dim === undefined || heads === undefined)
    throw new ConfigError('ropeFromHuggingFace: config must have head_dim, or hidden_size and num_attention_heads');
  return Math.floor(dim / heads);
}

function readScaling(type: string, reader: Reader): RotaryScaling | undefined {
  switch (type) {
    case 'default':
      return undefined;
    case 'linear':
      return { type, factor: reader.needed('factor') };
    case 'dynamic':
      return { type, factor: reader.needed('factor'), originalContextLength: reader.contextLength() };
    case 'yarn':
      return {
        type,
        ...reader.stretch(),
        ...optional({
          betaFast: reader.number('beta_fast') || undefined,
          betaSlow: reader.number('beta_slow') || undefined,
          truncate: reader.flag('truncate'),
          attentionFactor: reader.number('attention_factor'),
          mscale: reader.number('mscale') || undefined,
          mscaleAllDim: reader.number('mscale_all_dim') || undefined,
        }),
      };
    case 'llama3':
      return {
        type,
        factor: reader.needed('factor'),
        lowFrequencyFactor: reader.needed('low_freq_factor'),
        highFrequencyFactor: reader.needed('high_freq_factor'),
        originalContextLength: reader.originalContextLength(),
      };
    case 'longrope':
    case 'su': // its name in the first Phi-3 checkpoints
      return {
        type: 'longrope',
        ...reader.stretch(),
        shortFactors: reader.numbers('short_factor'),
        longFactors: reader.numbers('long_factor'),
        ...optional({ attentionFactor: reader.number('attention_factor') }),
      };
    case 'proportional':
      return { type, ...optional({ factor: reader.number('factor') }) };
    default:
      throw new ConfigError(
        `ropeFromHuggingFace: rope_type must be default, linear, dynamic, yarn, llama3, longrope or proportional, got ${type}`,
      );
  }
}

/** Reads rope parameters, with what they leave to the config around them. */
class Reader {
  readonly #parameters: Fields;
  readonly #config: Fields;

  constructor(parameters: Fields, config: Fields) {
    this.#parameters = parameters;
    this.#config = config;
  }

  type(): string {
    const type = this.#parameters['rope_type'] ?? this.#parameters['type'] ?? 'default';
    if (typeof type !== 'string') throw wrong('rope_type', 'a text', type);
    return type;
  }

  number(name: string): number | undefined {
    return numberIn(this.#parameters, name);
  }

  needed(name: string): number {
    const value = this.number(name);
    if (value === undefined) throw wrong(name, 'a number', undefined);
    return value;
  }

  flag(name: string): boolean | undefined {
    const value = this.#parameters[name] ?? undefined;
    if (value !== undefined && typeof value !== 'boolean') throw wrong(name, 'true or false', value);
    return value;
  }

  numbers(name: string): number[] {
    const value = this.#parameters[name];
    const isList = (list: unknown): list is number[] =>
      Array.isArray(list) && list.every((item) => typeof item === 'number');
    if (!isList(value)) throw wrong(name, 'a list of numbers', value);
    return value;
  }

  contextLength(): number {
    const length = numberIn(this.#config, 'max_position_embeddings') ?? numberIn(this.#config, 'n_positions');
    if (length === undefined) throw wrong('max_position_embeddings', 'a number', undefined);
    return length;
  }

  /** Phi-3 has it outside of the rope parameters; where nobody has it, it is the length of the model. */
  originalContextLength(): number {
    const name = 'original_max_position_embeddings';
    return numberIn(this.#config, name) ?? this.number(name) ?? this.contextLength();
  }

  /** The original length and the factor; without one, the factor is by how much the model's length is greater. */
  stretch(): { factor: number; originalContextLength: number } {
    const originalContextLength = this.originalContextLength();
    return { factor: this.number('factor') ?? this.contextLength() / originalContextLength, originalContextLength };
  }
}

/** A number, or undefined where there is none or null. */
function numberIn(fields: Fields, name: string): number | undefined {
  const value = fields[name] ?? undefined;
  if (value !== undefined && typeof value !== 'number') throw wrong(name, 'a number', value);
  return value;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Without what is undefined. */
function optional<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function wrong(name: string, wanted: string, found: unknown): ConfigError {
  return new ConfigError(`ropeFromHuggingFace: ${name} must be ${wanted}, got ${JSON.stringify(found)}`);
}
