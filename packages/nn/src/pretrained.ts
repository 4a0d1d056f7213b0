import { ConfigError } from '@formers/backend';
import {
  type Checkpoint,
  type FolderLocation,
  type FolderTarget,
  type JsonObject,
  openCheckpoint,
  openFolder,
  type OpenFolderOptions,
  openTarget,
  readJson,
  saveCheckpoint,
  serializeJson,
  type StoredTensor,
} from '@formers/checkpoints';

import type { Variable } from '@tensorflow/tfjs-core';

import { compareParameters } from './compare-parameters.ts';
import { configAt } from './config-at.ts';
import { asFloat, floatKeysOf } from './python-types.ts';
import type { InitOptions } from './init.ts';
import { Module } from './module.ts';
import { type NameRow, type StoredName, storedNames } from './name-table.ts';
import { resizeParameters } from './resize-parameters.ts';
import { assignValues, storedValues, storeLossless, storeParameter } from './stored-parameter.ts';

/** How an architecture is written in Hugging Face folders: one declarative, invertible description. */
export interface PretrainedFormat<Config> {
  /** `model_type` in config.json. */
  readonly modelType: string;
  /** Other values of `model_type` whose folders this model opens too, as its own: a ViT that of an MAE, whose encoder it is. */
  readonly alsoOpens?: readonly string[];
  /** Class name in config.json's `architectures`. */
  readonly architecture: string;
  /** Whether folders hold the state dict of another library's class: `architecture` names it in config.json, which has no `model_type`. Default false. */
  readonly isStateDict?: boolean;
  /** What the base model's names begin with in checkpoints that have a head, such as `transformer.`; checkpoints of the bare base model lack it. */
  readonly basePrefix: string;
  /** Whether this is the bare base model. */
  readonly isBase: boolean;
  readonly names: readonly NameRow[];
  /** Whether it writes token by token, so that folders may have a generation_config.json; default false. */
  readonly generates?: boolean;
  /** Names that old checkpoints have and nobody needs: constant tables, tied weights. */
  readonly ignored: readonly RegExp[];
  /** How names of old checkpoints end, such as `LayerNorm.gamma` for `LayerNorm.weight`; saving keeps them. */
  readonly oldEndings?: readonly (readonly [ending: string, old: string])[];
  /** What modules are called in Hugging Face's class where its checkpoints have other names: parts of names, replaced one after the other. Adapters of PEFT have these names. */
  readonly classNames?: readonly (readonly [inCheckpoint: string, inClass: string])[];
  /** Names below the base prefix that checkpoints may lack all the same, such as BERT's pooler: they start fresh with a new head. */
  readonly optional?: readonly RegExp[];
  /** Paths of the parameters that have a row for each token: embeddings, output projections and their biases. */
  readonly vocabulary?: readonly string[];
  /** @throws ConfigError for a config that no model can be built from. */
  parseConfig(json: JsonObject): Config;
  /** The config as Hugging Face spells it, without the keys that every model has. */
  serializeConfig(config: Config): JsonObject;
}

/** What a folder held besides the values of the weights, kept so that saving gives it back. */
export interface PretrainedOrigin {
  readonly config: JsonObject;
  /** config.json itself. */
  readonly configFile: Uint8Array;
  /** Texts in the file of the weights, if there were any. */
  readonly metadata: ReadonlyMap<string, string> | undefined;
  readonly dtypes: ReadonlyMap<string, StoredTensor['dtype']>;
  /** Whether the names of the base model had their prefix. */
  readonly prefixed: boolean;
  readonly generationConfig: Uint8Array | undefined;
  /** Names that have their old spelling in the checkpoint, by today's. */
  readonly oldNames: ReadonlyMap<string, string>;
  /** Names in the checkpoint that this model has no place for: those of another head. */
  readonly unused: readonly string[];
  /** Names that the checkpoint lacks, or has in another shape: a new head's. */
  readonly fresh: readonly string[];
}

/** Options of every `fromPretrained`. */
export interface PretrainedOptions extends OpenFolderOptions {
  /** Accept a checkpoint whose head is missing or has other shapes: the head starts with fresh random weights, from `seed`. Default false. */
  newHead?: boolean;
  /** Names of the classes of a new head; default those of the checkpoint's config. */
  labels?: readonly string[];
  /** Of a new head; default 0. */
  seed?: number;
  /** What to do about NaN or Infinity in the weights: refuse (default) or accept. */
  nonFinite?: 'refuse' | 'accept';
}

/** Options of `savePretrained`. */
export interface SaveOptions {
  /** Of the weights; default as they were loaded where that loses nothing, else F32. */
  dtype?: 'F32' | 'F16' | 'BF16';
  /** Weights beyond this size go to several files with an index. */
  maxShardBytes?: number;
}

/** A model that reads and writes Hugging Face folders. */
export abstract class PretrainedModel<Inputs extends unknown[], Output, Config extends object> extends Module<
  Inputs,
  Output
> {
  abstract readonly config: Config;
  abstract readonly format: PretrainedFormat<Config>;
  /** Set by `fromPretrained`. */
  origin: PretrainedOrigin | undefined;

  /**
   * Writes config.json and model.safetensors as Hugging Face's `save_pretrained` does. What was loaded and not changed comes out as the same bytes; weights
   * that were loaded from half precision and have been trained since are written as float32.
   *
   * @param target A folder path (Node), a Map that takes the files, or where else files can be written.
   */
  async savePretrained(
    target: string | Map<string, Uint8Array> | FolderTarget,
    { dtype, maxShardBytes }: SaveOptions = {},
  ): Promise<void> {
    const { origin, format } = this;
    const folder = typeof target === 'string' || target instanceof Map ? openTarget(target) : target;
    const names = this.fileNames();
    const tensors: [string, StoredTensor][] = [];
    let isWidened = false;
    for (const [path, variable] of this.namedParameters()) {
      const { name, transpose } = names.get(path) as StoredName;
      const loaded = asFloat(origin?.dtypes.get(name));
      const stored = await (dtype
        ? storeParameter(variable, { transpose, dtype })
        : storeLossless(variable, { transpose, dtype: loaded }));
      isWidened ||= dtype === undefined && stored.dtype !== loaded;
      tensors.push([name, stored]);
    }
    const config = this.#configJson(isWidened ? 'F32' : dtype);
    const isAsLoaded = format.isStateDict && JSON.stringify(config) === JSON.stringify(origin?.config);
    const text = serializeJson(config, { keepSpellingOf: origin?.config, floatKeys: floatKeysOf(config) });
    await folder.write('config.json', isAsLoaded && origin ? origin.configFile : text);
    if (origin?.generationConfig) await folder.write('generation_config.json', origin.generationConfig);
    await saveCheckpoint(folder, tensors, {
      metadata: format.isStateDict ? (origin?.metadata ?? null) : { format: 'pt' },
      ...(maxShardBytes !== undefined && { maxShardBytes }),
    });
  }

  /**
   * Changes the number of tokens, as after a tokenizer was given more of them. Tokens keep their values; new ones start at the mean of all (Hewitt 2021,
   * "Initializing New Word Embeddings"). Parameters are replaced: make optimizers afterwards.
   *
   * @throws {@link ConfigError} for a model without a vocabulary, or a size that isn't a whole number of at least 1.
   */
  resizeVocabulary(vocabSize: number): void {
    const { vocabulary } = this.format;
    const config = this.config as { vocabSize?: number };
    if (!vocabulary?.length || config.vocabSize === undefined)
      throw new ConfigError(`resizeVocabulary: a ${this.format.architecture} has no vocabulary`);
    if (!Number.isInteger(vocabSize) || vocabSize < 1)
      throw new ConfigError(`resizeVocabulary: vocabSize must be a whole number of at least 1, got ${vocabSize}`);
    resizeParameters(this, vocabulary, { from: config.vocabSize, to: vocabSize });
    config.vocabSize = vocabSize;
  }

  /** Where each parameter lies in the checkpoint that was loaded, or that saving writes. */
  fileNames(): Map<string, StoredName> {
    const { origin, format } = this;
    return fileNames(this, { prefixed: origin?.prefixed ?? !format.isBase, oldNames: origin?.oldNames ?? new Map() });
  }

  #configJson(dtype: SaveOptions['dtype']): JsonObject {
    const { format, origin, config } = this;
    const own = format.serializeConfig(config);
    if (!origin && format.isStateDict) return { ...own, architecture: format.architecture };
    if (!origin)
      return {
        ...own,
        model_type: format.modelType,
        architectures: [format.architecture],
        dtype: DTYPE_NAMES[dtype ?? 'F32'],
      };
    // Only what differs from the file is written: spellings and keys that we don't know survive.
    const before = format.serializeConfig(format.parseConfig(origin.config));
    const changed = Object.entries(own).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(before[key]));
    const dropped = Object.keys(before).filter((key) => !(key in own));
    if ([...changed.map(([key]) => key), ...dropped].includes('id2label')) dropped.push('num_labels'); // the labels' number, of old files
    const dtypeKey = 'torch_dtype' in origin.config ? 'torch_dtype' : 'dtype'; // the older releases' name
    return {
      ...Object.fromEntries(Object.entries(origin.config).filter(([key]) => !dropped.includes(key))),
      ...Object.fromEntries(changed),
      ...(!format.isStateDict && { architectures: [format.architecture] }),
      ...(!format.isStateDict && dtype && { [dtypeKey]: DTYPE_NAMES[dtype] }),
    };
  }
}

const DTYPE_NAMES = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

/** What {@link loadPretrained} needs to know. */
export interface LoadRequest<Config, Model> {
  readonly format: PretrainedFormat<Config>;
  /** Makes the model; its weights are overwritten, but for a new head's. */
  readonly create: (config: Config, init: InitOptions) => Model;
  readonly options?: PretrainedOptions | undefined;
}

/**
 * Opens a Hugging Face folder as a model. For the `fromPretrained` of architectures.
 *
 * @throws {@link CheckpointError} `mismatch` listing every missing, unexpected and mis-shaped tensor at once; {@link ConfigError} for a config that doesn't fit.
 */
export async function loadPretrained<Config extends object, Model extends PretrainedModel<never, unknown, Config>>(
  location: FolderLocation,
  { format, create, options = {} }: LoadRequest<Config, Model>,
): Promise<Model> {
  const folder = await openFolder(location, options);
  const read = await readJson(folder, 'config.json');
  const isRelated = format.alsoOpens?.includes(String(read['model_type'])) ?? false;
  const config = isRelated ? { ...read, model_type: format.modelType } : read;
  const [key, wanted] = format.isStateDict
    ? (['architecture', format.architecture] as const)
    : (['model_type', format.modelType] as const);
  if (config[key] !== wanted)
    throw new ConfigError(
      `${folder.location}: config.json: ${key} must be "${wanted}", got ${JSON.stringify(config[key])}`,
    );
  const checkpoint = await openCheckpoint(folder, options);
  const model = create(
    withLabels(
      configAt(folder.location, () => format.parseConfig(config)),
      options,
    ),
    {
      seed: null,
      ...(options.newHead && { headSeed: options.seed ?? 0 }),
    },
  );
  try {
    const generationConfig =
      format.generates && (await folder.has('generation_config.json'))
        ? await folder.read('generation_config.json')
        : undefined;
    const configFile = await folder.read('config.json');
    const metadata = checkpoint.metadata.size > 0 ? checkpoint.metadata : undefined;
    const loaded = await loadParameters(model, { checkpoint, location: folder.location, options });
    model.origin = { ...loaded, config, configFile, metadata, generationConfig };
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** The config of a model with other classes than the checkpoint's. */
function withLabels<Config extends object>(config: Config, { newHead = false, labels }: PretrainedOptions): Config {
  if (!labels) return config;
  if (!newHead || !('labels' in config))
    throw new ConfigError('fromPretrained: labels must be given with newHead, to a model that has classes');
  return { ...config, labels: [...labels], ...('problemType' in config && { problemType: undefined }) }; // which the new labels tell
}

/** What weights are read from, and how. */
type LoadSource = { checkpoint: Checkpoint; location: string; options: PretrainedOptions };

async function loadParameters<Config extends object>(
  model: PretrainedModel<never, unknown, Config>,
  { checkpoint, location, options: { newHead = false, nonFinite } }: LoadSource,
): Promise<Omit<PretrainedOrigin, 'config' | 'configFile' | 'metadata' | 'generationConfig'>> {
  const { format } = model;
  const prefixed = checkpoint.names.some((name) => name.startsWith(format.basePrefix));
  const oldNames = oldNamesOf(checkpoint, format);
  const names = fileNames(model, { prefixed, oldNames });
  const isHead = ({ name }: { name: string }): boolean =>
    format.optional?.some((pattern) => pattern.test(name)) ||
    (prefixed ? !name.startsWith(format.basePrefix) : !format.isBase && isHeadName(model, name));
  const parameters: Place[] = [...model.namedParameters()].map(([path, variable]) => ({
    variable,
    ...(names.get(path) as StoredName),
  }));
  const shapeOf = ({ transpose, variable }: Place): number[] =>
    transpose ? variable.shape.toReversed() : variable.shape;
  const isStored = (place: Place): boolean =>
    checkpoint.names.includes(place.name) && checkpoint.info(place.name).shape.join() === shapeOf(place).join();
  const wanted = newHead ? parameters.filter((place) => !isHead(place) || isStored(place)) : parameters;

  const known = new Set(wanted.map(({ name }) => name));
  const fresh = parameters.map(({ name }) => name).filter((name) => !known.has(name));
  const isIgnored = (name: string): boolean => format.ignored.some((pattern) => pattern.test(name));
  const unused = checkpoint.names.filter((name) => !known.has(name) && isHead({ name }) && !isIgnored(name));
  const skipped = new Set([...unused, ...checkpoint.names.filter((name) => !known.has(name) && isIgnored(name))]);
  const expected = new Map(wanted.map((place) => [place.name, shapeOf(place)]));
  const found = new Map(
    checkpoint.names.filter((name) => !skipped.has(name)).map((name) => [name, checkpoint.info(name).shape]),
  );
  const others = new Map(unused.map((name) => [name, checkpoint.info(name).shape]));
  compareParameters(expected, found, {
    others,
    isHead: newHead ? undefined : (name) => isHead({ name }),
    where: `${location}: the checkpoint`,
  });

  const dtypes = new Map<string, StoredTensor['dtype']>();
  const places = new Map(wanted.map((place) => [place.name, place]));
  for (const name of checkpoint.names) {
    const place = places.get(name);
    if (!place) continue;
    const stored = await checkpoint.read(name); // in file order: neighbours come in one request
    dtypes.set(name, stored.dtype);
    assignValues(place.variable, storedValues(stored, { name, transpose: place.transpose, nonFinite }));
  }
  return { dtypes, prefixed, oldNames, unused, fresh };
}

/** A parameter, and where it lies in the checkpoint. */
type Place = StoredName & { readonly variable: Variable };

/** The names of a checkpoint that have an old spelling, by today's. */
function oldNamesOf<Config>(
  checkpoint: Checkpoint,
  { oldEndings = [] }: PretrainedFormat<Config>,
): Map<string, string> {
  return new Map(
    oldEndings.flatMap(([ending, old]) =>
      checkpoint.names
        .filter((name) => name.endsWith(old))
        .map((name): [string, string] => [name.slice(0, -old.length) + ending, name]),
    ),
  );
}

/** Checkpoint names of all parameters, with or without the base prefix. */
function fileNames<Config extends object>(
  model: PretrainedModel<never, unknown, Config>,
  { prefixed, oldNames }: Pick<PretrainedOrigin, 'prefixed' | 'oldNames'>,
): Map<string, StoredName> {
  const { basePrefix, isBase, names } = model.format;
  const stored = storedNames(model.namedParameters().keys(), names);
  const rename = (name: string): string => {
    if (prefixed !== isBase) return name;
    return isBase ? basePrefix + name : name.startsWith(basePrefix) ? name.slice(basePrefix.length) : name;
  };
  return new Map(
    [...stored].map(([path, { name, transpose }]) => {
      const renamed = rename(name);
      return [path, { name: oldNames.get(renamed) ?? renamed, transpose }];
    }),
  );
}

/** Whether a name without prefix belongs to the model's own head. */
function isHeadName<Config extends object>({ format }: PretrainedModel<never, unknown, Config>, name: string): boolean {
  return format.names.some(([, theirs]) => theirs === name);
}
