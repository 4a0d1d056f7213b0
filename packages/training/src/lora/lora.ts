import { ConfigError, RandomStream } from '@formers/backend';
import {
  CheckpointError,
  type FolderLocation,
  type FolderTarget,
  fromFloat32,
  openFolder,
  type OpenFolderOptions,
  openTarget,
  parseSafetensors,
  readJson,
  serializeJson,
  serializeSafetensors,
  type StoredTensor,
  toFloat32,
} from '@formers/checkpoints';
import { storedNames } from '@formers/nn';
import { tensor, tidy, transpose, type Variable } from '@tensorflow/tfjs-core';

import type { Trainable } from '../optimizers/optimizer-options.ts';
import { LowRank } from './low-rank.ts';
import { parsePeftConfig, type PeftConfig, serializePeftConfig } from './peft-config.ts';
import { SavedParameter } from './saved-parameter.ts';
import { type AdaptableModel, endsWithName, findTargets, linearMaps, shortNames, type Target } from './targets.ts';

/** Options of {@link LoRA}. */
export interface LoRAOptions {
  /** Which linear maps change: ends of their paths in our words (`attention.query`) or in Hugging Face's (`q_proj`, `c_attn`). */
  targets: readonly string[];
  /** Default 8. */
  rank?: number;
  /** The change is multiplied by `alpha / rank`; default 8. */
  alpha?: number;
  /** Of what goes into the change; default 0. */
  dropout?: number;
  /** Multiplies by `alpha / √rank` instead (Kalajdzievski 2023); default false. */
  rsLoRA?: boolean;
  /** Modules that are trained and saved whole, such as a new head; ends of paths, ours or Hugging Face's. */
  modulesToSave?: readonly string[];
  /** Of the first factors; default 0. */
  seed?: number;
  /** Name or folder of the model that it is for, for the file. */
  base?: string;
}

const CONFIG = 'adapter_config.json';
const WEIGHTS = 'adapter_model.safetensors';
const PREFIX = 'base_model.model.';

/**
 * Low-rank adapters for a model (Hu et al. 2021): small matrices that are trained while the model stays as it is, saved in the format of PEFT. The model computes with them from the
 * start; {@link attach} another one to switch.
 *
 * @example
 * using lora = new LoRA(model, { targets: ['queryKeyValue'], rank: 8, alpha: 16 });
 * using optimizer = new AdamW(lora, { learningRate: 1e-3 });
 * optimizer.minimize(() => model.loss(ids, { targets }));
 * await lora.savePretrained('adapters/first');
 */
export class LoRA implements Trainable, Disposable {
  readonly config: PeftConfig;
  readonly #model: AdaptableModel;
  readonly #adapters: ReadonlyMap<Target, LowRank>;
  readonly #saved: readonly SavedParameter[];
  #isMerged = false;

  /** @throws {@link ConfigError} for numbers out of range, and for names that the model has none of. */
  constructor(model: AdaptableModel, options: LoRAOptions) {
    const {
      targets: words,
      rank = 8,
      alpha = 8,
      dropout = 0,
      rsLoRA = false,
      modulesToSave = [],
      seed = 0,
      base,
    } = options;
    if (!Number.isInteger(rank) || rank < 1)
      throw new ConfigError(`LoRA: rank must be a whole number from 1, got ${rank}`);
    if (!(alpha >= 0 && alpha < Infinity)) throw new ConfigError(`LoRA: alpha must be a number from 0, got ${alpha}`);
    if (!(dropout >= 0 && dropout < 1)) throw new ConfigError(`LoRA: dropout must be in [0, 1), got ${dropout}`);
    detachAll(model);
    const saved = findSaved(model, modulesToSave);
    const targets = findTargets(model, words).filter(
      ({ path }) => !saved.some((own) => own.path.startsWith(`${path}.`)),
    );
    if (targets.length === 0) throw new ConfigError('LoRA: targets must name a linear map at least');
    const scale = scaleOf({ rank, alpha, rsLoRA });
    const random = new RandomStream(seed, 'lora-init');
    this.#model = model;
    this.#saved = saved;
    this.#adapters = new Map(
      targets.map((target) => [target, new LowRank(target.linear, { rank, scale, dropout, random, owner: this })]),
    );
    this.config = {
      rank,
      alpha,
      dropout,
      rsLoRA,
      targets: shortNames(targets, model),
      modulesToSave: moduleNamesOf(saved),
      isTransposed: targets.some(({ isTransposed }) => isTransposed),
      architecture: model.format?.architecture,
      base,
    };
    this.attach();
  }

  /** The factors `<path>.loraA` and `<path>.loraB`, and the parameters of modules that are saved whole. */
  namedParameters(): Map<string, Variable> {
    return new Map<string, Variable>([
      ...[...this.#adapters].flatMap(([{ path }, { a, b }]): [string, Variable][] => [
        [`${path}.loraA`, a],
        [`${path}.loraB`, b],
      ]),
      ...this.#saved.map(({ path, variable }): [string, Variable] => [path, variable]),
    ]);
  }

  /** How many numbers are trained. */
  get numParameters(): number {
    return [...this.namedParameters().values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Whether the change is a part of the weights now. */
  get isMerged(): boolean {
    return this.#isMerged;
  }

  /** The model computes with this adapter from now on, and with no other one. */
  attach(): void {
    detachAll(this.#model);
    for (const adapter of this.#adapters.values()) adapter.attach();
    for (const parameter of this.#saved) parameter.use({ own: true });
  }

  /** The model computes as if this adapter weren't there. */
  detach(): void {
    this.unmerge();
    for (const adapter of this.#adapters.values()) adapter.detach();
    for (const parameter of this.#saved) parameter.use({ own: false });
  }

  /** Makes the change a part of the model's weights, which `savePretrained` of the model then saves. */
  merge(): void {
    if (this.#isMerged) return;
    this.attach();
    for (const adapter of this.#adapters.values()) adapter.merge();
    this.#isMerged = true;
  }

  /** Takes back {@link merge}, bit for bit; the adapter stays attached. */
  unmerge(): void {
    if (!this.#isMerged) return;
    this.#isMerged = false;
    for (const adapter of this.#adapters.values()) adapter.unmerge();
  }

  /** Makes the change a part of the model's weights for good, and frees the rest. */
  mergeAndUnload(): void {
    this.merge();
    for (const part of [...this.#adapters.values(), ...this.#saved]) part.dispose();
  }

  /**
   * Writes adapter_config.json and adapter_model.safetensors, as PEFT does.
   *
   * @param target A folder path (Node), a Map that takes the files, or where else files can be written.
   */
  async savePretrained(target: string | Map<string, Uint8Array> | FolderTarget): Promise<void> {
    const folder = typeof target === 'string' || target instanceof Map ? openTarget(target) : target;
    const tensors: [string, StoredTensor][] = [];
    for (const [{ name }, { a, b }] of this.#adapters) {
      tensors.push(
        [`${PREFIX}${name}.lora_A.weight`, await stored(a)],
        [`${PREFIX}${name}.lora_B.weight`, await stored(b)],
      );
    }
    for (const { name, variable, isTransposed } of this.#saved)
      tensors.push([PREFIX + name, await stored(variable, { isTransposed })]);
    tensors.sort(([a], [b]) => (a < b ? -1 : 1));
    await folder.write(CONFIG, serializeJson(serializePeftConfig(this.config)));
    await folder.write(WEIGHTS, serializeSafetensors(tensors, { metadata: { format: 'pt' } }));
  }

  /**
   * Opens an adapter that was saved here or by PEFT, and attaches it.
   *
   * @param location A folder path, a URL, a hub name or a Map of files.
   * @throws {@link ConfigError} for an adapter of another kind, {@link CheckpointError} `mismatch` naming all tensors that don't fit the model.
   */
  static async fromPretrained(
    model: AdaptableModel,
    location: FolderLocation,
    options: OpenFolderOptions = {},
  ): Promise<LoRA> {
    const folder = await openFolder(location, options);
    const config = parsePeftConfig(await readJson(folder, CONFIG));
    const { tensors } = parseSafetensors(await folder.read(WEIGHTS), { where: WEIGHTS });
    return LoRA.#from(model, { config, tensors });
  }

  static #from(
    model: AdaptableModel,
    { config, tensors }: { config: ReturnType<typeof parsePeftConfig>; tensors: ReadonlyMap<string, StoredTensor> },
  ): LoRA {
    const targets = linearMaps(model).filter(({ name }) => tensors.has(`${PREFIX}${name}.lora_A.weight`));
    const { base, ...options } = config;
    const modulesToSave = savedNames(model, tensors.keys());
    checkTensors(model, { targets, tensors, rank: config.rank, modulesToSave });
    const lora = new LoRA(model, {
      ...options,
      modulesToSave,
      targets: targets.map(({ path }) => path),
      ...(base !== undefined && { base }),
    });
    for (const [{ name }, { a, b }] of lora.#adapters) {
      assign(a, tensors.get(`${PREFIX}${name}.lora_A.weight`) as StoredTensor);
      assign(b, tensors.get(`${PREFIX}${name}.lora_B.weight`) as StoredTensor);
    }
    for (const { name, variable, isTransposed } of lora.#saved)
      assign(variable, tensors.get(PREFIX + name) as StoredTensor, { isTransposed });
    return lora;
  }

  /** Detaches it and frees its parameters, not the model's. Safe to call twice. */
  dispose(): void {
    this.detach();
    for (const part of [...this.#adapters.values(), ...this.#saved]) part.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Detaches whatever adapter a model computes with. */
function detachAll(model: AdaptableModel): void {
  for (const { linear } of linearMaps(model)) if (linear.adapter instanceof LowRank) linear.adapter.owner.detach();
}

function scaleOf({ rank, alpha, rsLoRA }: { rank: number; alpha: number; rsLoRA: boolean }): number {
  return alpha / (rsLoRA ? Math.sqrt(rank) : rank);
}

/** The parameters of modules by the ends of their paths or of Hugging Face's names. */
function findSaved(model: AdaptableModel, words: readonly string[]): SavedParameter[] {
  if (words.length === 0) return [];
  const parameters = model.namedParameters();
  const names = model.format ? storedNames(parameters.keys(), model.format.names) : undefined;
  const found = [...parameters].flatMap(([path, variable]) => {
    const { name = path, transpose: isTransposed = false } = names?.get(path) ?? {};
    const isMeant = endsWithName(moduleOf(path), words) || endsWithName(moduleOf(name), words);
    return isMeant ? [new SavedParameter({ path, name, isTransposed, variable })] : [];
  });
  for (const word of words)
    if (!found.some(({ path, name }) => endsWithName(moduleOf(path), [word]) || endsWithName(moduleOf(name), [word])))
      throw new ConfigError(`LoRA: modulesToSave: no module of the model is called "${word}"`);
  return found;
}

/** The modules of a model that a file has whole; PEFT's list of them also has names that only other models have. */
function savedNames(model: AdaptableModel, tensorNames: Iterable<string>): string[] {
  const own = [...tensorNames]
    .filter((name) => !/\.lora_[AB]\.weight$/.test(name))
    .map((name) => name.slice(PREFIX.length));
  const paths = [...model.namedParameters().keys()];
  const known = model.format ? [...storedNames(paths, model.format.names).values()].map(({ name }) => name) : paths;
  return known.filter((name) => own.includes(name)).map(moduleOf);
}

/** The name of a parameter without its last word. */
function moduleOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')));
}

function moduleNamesOf(saved: readonly SavedParameter[]): string[] {
  return [...new Set(saved.map(({ name }) => moduleOf(name)))];
}

function checkTensors(
  model: AdaptableModel,
  {
    targets,
    tensors,
    rank,
    modulesToSave,
  }: {
    targets: readonly Target[];
    tensors: ReadonlyMap<string, StoredTensor>;
    rank: number;
    modulesToSave: readonly string[];
  },
): void {
  const problems: string[] = [];
  const known = new Set<string>();
  const check = (name: string, wanted: readonly number[]): void => {
    known.add(name);
    const shape = tensors.get(name)?.shape;
    if (!shape) problems.push(`${name} is missing`);
    else if (shape.join() !== wanted.join()) problems.push(`${name} must be [${wanted}], got [${shape}]`);
  };
  for (const { name, linear } of targets) {
    const [outDim, inDim] = linear.weight.shape;
    check(`${PREFIX}${name}.lora_A.weight`, [rank, inDim]);
    check(`${PREFIX}${name}.lora_B.weight`, [outDim, rank]);
  }
  const saved = findSaved(model, modulesToSave);
  for (const parameter of saved) {
    const { name, variable, isTransposed } = parameter;
    check(PREFIX + name, isTransposed ? variable.shape.toReversed() : variable.shape);
    parameter.dispose();
  }
  for (const name of tensors.keys()) if (!known.has(name)) problems.push(`${name} is unexpected`);
  if (targets.length === 0) problems.push('it has no adapter for a linear map of the model');
  if (problems.length > 0)
    throw new CheckpointError('mismatch', `${WEIGHTS}: does not fit the model: ${problems.join('; ')}`);
}

async function stored(variable: Variable, { isTransposed = false } = {}): Promise<StoredTensor> {
  const laidOut = tidy(() => (isTransposed ? transpose(variable) : variable.clone()));
  const values = await laidOut.data<'float32'>();
  const { shape } = laidOut;
  laidOut.dispose();
  return fromFloat32(values, shape);
}

function assign(variable: Variable, value: StoredTensor, { isTransposed = false } = {}): void {
  tidy(() => {
    const laidOut = tensor(toFloat32(value), [...value.shape]);
    variable.assign(isTransposed ? transpose(laidOut) : laidOut);
  });
}
