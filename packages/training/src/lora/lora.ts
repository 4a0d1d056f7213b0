import { ConfigError, RandomStream } from '@formers/backend';
import {
  type FolderLocation,
  type FolderTarget,
  openFolder,
  type OpenFolderOptions,
  openTarget,
  parseSafetensors,
  readJson,
  serializeJson,
  serializeSafetensors,
  type StoredTensor,
} from '@formers/checkpoints';
import type { Variable } from '@tensorflow/tfjs-core';

import type { Trainable } from '../optimizers/optimizer-options.ts';
import {
  type AdapterParts,
  adapterTensors,
  checkTensors,
  factorNames,
  fillAdapter,
  WEIGHTS,
  withoutPrefix,
} from './adapter-tensors.ts';
import { findBiases } from './biases.ts';
import { type LoRAOptions, loraNumbers } from './lora-options.ts';
import { LowRank } from './low-rank.ts';
import { numberFor } from './patterns.ts';
import { parsePeftConfig, type PeftConfig, serializePeftConfig } from './peft-config.ts';
import { findSaved, moduleNamesOf, savedModules } from './saved-modules.ts';
import type { SavedParameter } from './saved-parameter.ts';
import {
  type AdaptableModel,
  findTargets,
  linearMaps,
  type ModuleNames,
  partners,
  shortNames,
  type Target,
} from './targets.ts';

const CONFIG = 'adapter_config.json';

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
  readonly #biases: readonly SavedParameter[];
  #isMerged = false;

  /** @throws {@link ConfigError} for numbers out of range, and for names that the model has none of. */
  constructor(model: AdaptableModel, options: LoRAOptions) {
    const { targets: words, modulesToSave, seed, ...numbers } = loraNumbers(options);
    const { dropout, rsLoRA, bias, moduleNames, base } = numbers;
    detachAll(model);
    const saved = findSaved(model, modulesToSave, { moduleNames });
    const targets = findTargets(model, words, { moduleNames }).filter(
      ({ path }) => !saved.some((own) => own.path.startsWith(`${path}.`)),
    );
    if (targets.length === 0) throw new ConfigError('LoRA: targets must name a linear map at least');
    const wrapped = [...targets, ...partners(targets, model, { moduleNames })];
    const random = new RandomStream(seed, 'lora-init');
    this.#model = model;
    this.#saved = saved;
    this.#biases = findBiases(model, { bias, wrapped, saved, moduleNames });
    this.#adapters = new Map(
      targets.map((target) => {
        const rank = rankOf(target, numbers);
        const alpha = numberFor(target.name, { patterns: numbers.alphaPattern, fallback: numbers.alpha });
        const scale = alpha / (rsLoRA ? Math.sqrt(rank) : rank);
        return [target, new LowRank(target.linear, { rank, scale, dropout, random, owner: this })];
      }),
    );
    this.config = {
      ...numbers,
      targets: shortNames(targets, model, { moduleNames }),
      modulesToSave: moduleNamesOf(saved),
      isTransposed: targets.some(({ isTransposed }) => isTransposed),
      architecture: model.format?.architecture,
      base,
    };
    this.attach();
  }

  /** The factors `<path>.loraA` and `<path>.loraB`, the parameters of modules that are saved whole, and biases that are trained, too. */
  namedParameters(): Map<string, Variable> {
    return new Map<string, Variable>([
      ...[...this.#adapters].flatMap(([{ path }, { a, b }]): [string, Variable][] => [
        [`${path}.loraA`, a],
        [`${path}.loraB`, b],
      ]),
      ...this.#whole.map(({ path, variable }): [string, Variable] => [path, variable]),
    ]);
  }

  /**
   * Whether every factor took part in the loss that was computed last; optimizers ask after their first one.
   *
   * @throws {@link ConfigError} naming maps whose weights the model uses in another way than as a linear map, so that adapters don't reach them.
   */
  checkTrained(): void {
    const idle = [...this.#adapters].filter(([, { wasUsed }]) => !wasUsed).map(([{ path }]) => path);
    if (idle.length === 0) return;
    throw new ConfigError(`LoRA: targets: the loss was computed without the adapters of ${idle.join(', ')}`);
  }

  get #parts(): AdapterParts {
    return { adapters: this.#adapters, saved: this.#saved, biases: this.#biases };
  }

  get #whole(): readonly SavedParameter[] {
    return [...this.#saved, ...this.#biases];
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
    for (const parameter of this.#whole) parameter.use({ own: true });
  }

  /** The model computes as if this adapter weren't there. */
  detach(): void {
    this.unmerge();
    for (const adapter of this.#adapters.values()) adapter.detach();
    for (const parameter of this.#whole) parameter.use({ own: false });
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
    for (const part of [...this.#adapters.values(), ...this.#whole]) part.dispose();
  }

  /**
   * Writes adapter_config.json and adapter_model.safetensors, as PEFT does.
   *
   * @param target A folder path (Node), a Map that takes the files, or where else files can be written.
   */
  async savePretrained(target: string | Map<string, Uint8Array> | FolderTarget): Promise<void> {
    const folder = typeof target === 'string' || target instanceof Map ? openTarget(target) : target;
    const { config } = this;
    const idle = partners([...this.#adapters.keys()], this.#model, config);
    const tensors = await adapterTensors(this.#parts, {
      idle,
      rankOf: (target) => rankOf(target, config),
      hasCopies: config.bias === 'all',
    });
    await folder.write(CONFIG, serializeJson(serializePeftConfig(config), { sortKeys: false }));
    await folder.write(WEIGHTS, serializeSafetensors(tensors, { metadata: { format: 'pt' } }));
  }

  /**
   * Opens an adapter that was saved here or by PEFT, and attaches it.
   *
   * @param location A folder path, a URL, a hub name or a Map of files.
   * @throws {@link ConfigError} for an adapter of another kind, `CheckpointError` `mismatch` naming all tensors that don't fit the model.
   */
  static async fromPretrained(
    model: AdaptableModel,
    location: FolderLocation,
    options: OpenFolderOptions = {},
  ): Promise<LoRA> {
    const folder = await openFolder(location, options);
    const config = parsePeftConfig(await readJson(folder, CONFIG));
    const { tensors } = parseSafetensors(await folder.read(WEIGHTS), { where: WEIGHTS });
    return LoRA.#from(model, { config, tensors: withoutPrefix(tensors) });
  }

  static #from(
    model: AdaptableModel,
    { config, tensors }: { config: ReturnType<typeof parsePeftConfig>; tensors: ReadonlyMap<string, StoredTensor> },
  ): LoRA {
    const inFile = (moduleNames: ModuleNames): Target[] =>
      linearMaps(model, moduleNames).filter((target) => tensors.has(factorNames(target).a));
    const moduleNames: ModuleNames = inFile('class').length < inFile('checkpoint').length ? 'checkpoint' : 'class';
    const targets = inFile(moduleNames);
    const { base, bias, ...options } = config;
    const modulesToSave = savedModules(model, { tensorNames: new Set(tensors.keys()), moduleNames, bias });
    const names = { modulesToSave, moduleNames, bias };
    checkTensors(model, { targets, tensors, rankOf: (target) => rankOf(target, config), ...names });
    const lora = new LoRA(model, {
      ...options,
      ...names,
      targets: targets.map(({ path }) => path),
      ...(base !== undefined && { base }),
    });
    fillAdapter(lora.#parts, tensors);
    return lora;
  }

  /** Detaches it and frees its parameters, not the model's. Safe to call twice. */
  dispose(): void {
    this.detach();
    for (const part of [...this.#adapters.values(), ...this.#whole]) part.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function rankOf({ name }: Target, { rank, rankPattern }: Pick<PeftConfig, 'rank' | 'rankPattern'>): number {
  return numberFor(name, { patterns: rankPattern, fallback: rank });
}

/** Detaches whatever adapter a model computes with. */
function detachAll(model: AdaptableModel): void {
  for (const { linear } of linearMaps(model)) if (linear.adapter instanceof LowRank) linear.adapter.owner.detach();
}
