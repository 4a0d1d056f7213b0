import { ConfigError } from '@formers/backend';
import type { JsonLike } from '@formers/checkpoints';

import {
  type FileSystem,
  joinPath,
  messageOf,
  nodeFileSystem,
  resolvePath,
  splitPath,
  writeWhole,
} from '../checkpoints/file-system.ts';
import { verifyManifest } from '../checkpoints/manifest.ts';
import { checkpointName, hasCheckpoint, prepareRunFolder, writeCheckpoint } from '../checkpoints/run-folder.ts';
import { lockRunFolder } from '../checkpoints/run-lock.ts';
import { TrainingError } from '../errors.ts';
import { configDifferences } from './compare-config.ts';
import type { LogRecord } from './events.ts';
import { checkRestorable, restoreWeights } from './restore-weights.ts';
import type { TensorBoardLog } from './tensor-board.ts';
import { AVERAGE_FILE, hashWeights, OPTIMIZER_FILE, parseMoments, RunLog, serializeMoments } from './run-files.ts';
import type { BatchSource, TrainerOptions, TrainingBatch } from './trainer-options.ts';
import { parseTrainerState, serializeTrainerState, TRAINER_STATE, type TrainerState } from './trainer-state.ts';

/** What the trainer itself adds to a checkpoint. */
export type Progress = Pick<TrainerState, 'step' | 'tokensSeen' | 'logHistory' | 'best' | 'worseEvaluations'>;

/** What of the options it needs. */
type RunStoreOptions = Omit<TrainerOptions<TrainingBatch>, 'loss' | 'data'> & {
  data: Omit<BatchSource<TrainingBatch>, 'at'>;
};

/** The files of a run: its checkpoints and its log. */
export class RunStore {
  readonly #options: RunStoreOptions;
  readonly #out: string;
  readonly #fileSystem: FileSystem;
  readonly #log: RunLog;
  #tensorBoard: TensorBoardLog | undefined;
  readonly #save: (folder: string) => Promise<void>;
  #prepared = false;
  #newest: { step: number; folder: string } | undefined;

  constructor(options: RunStoreOptions, out: string) {
    const { model, fileSystem = nodeFileSystem() } = options;
    const save = options.save ?? model.savePretrained?.bind(model);
    if (!save) throw new ConfigError('Trainer: with out, either the model needs savePretrained, or the option save');
    this.#options = options;
    this.#out = out;
    this.#fileSystem = fileSystem;
    this.#log = new RunLog(out, fileSystem);
    this.#save = save;
  }

  /** Folder of the newest checkpoint that was written or loaded. */
  get newest(): string | undefined {
    return this.#newest?.folder;
  }

  /** Takes the folder; what it returns gives it back. */
  lock(): Promise<() => Promise<void>> {
    return lockRunFolder(this.#out, { fileSystem: this.#fileSystem }).catch((cause: unknown) => {
      if (TrainingError.isInstance(cause)) throw cause;
      throw new TrainingError('output', `${this.#out}: cannot be used as output folder: ${messageOf(cause)}`, {
        cause,
      });
    });
  }

  /** Before the first step: the folder must be usable, and hold no other run. */
  async prepare(step: number): Promise<void> {
    if (this.#prepared) return;
    const isHere = this.#newest !== undefined && splitPath(this.#newest.folder).folder === resolvePath(this.#out);
    const resumedStep = isHere ? step : undefined;
    const { overwrite = false } = this.#options;
    await prepareRunFolder(this.#out, { resumedStep, overwrite, fileSystem: this.#fileSystem });
    await this.#log.cutAfter(resumedStep ?? -1);
    this.#prepared = true;
  }

  async log(record: LogRecord): Promise<void> {
    await this.#log.append(record);
    if (this.#options.tensorBoard) await this.#logToTensorBoard(record);
  }

  async #logToTensorBoard(record: LogRecord): Promise<void> {
    const fileSystem = this.#fileSystem;
    const { TensorBoardLog } = await import('./tensor-board.ts'); // with the libraries that only it needs
    this.#tensorBoard ??= new TensorBoardLog(this.#out, { fileSystem, seconds: () => Date.now() / 1000 });
    await this.#tensorBoard.append(record).catch((cause: unknown) => {
      throw new TrainingError('write', `${this.#out}: the TensorBoard log could not be written: ${messageOf(cause)}`, {
        cause,
      });
    });
  }

  /** Gives the model the weights, or their averages, of the checkpoint of a step. */
  async restore(step: number): Promise<void> {
    const folder = joinPath(this.#out, checkpointName(step));
    const { model, restore = (from) => restoreWeights(checkRestorable(model), from), weightAverage } = this.#options;
    await verifyManifest(folder, { fileSystem: this.#fileSystem });
    await restore(folder);
    if (!weightAverage) return;
    await this.#loadAverage(folder);
    weightAverage.swap();
  }

  /** Writes a checkpoint, unless there is one of this step already or nothing was done yet. */
  async save(progress: Progress): Promise<string | undefined> {
    const { step, best } = progress;
    if (step === 0 || step === this.#newest?.step) return undefined;
    const fileSystem = this.#fileSystem;
    const {
      model,
      optimizer,
      data,
      accumulationSteps = 1,
      weightAverage,
      saveLimit,
      steps,
      logEvery = 10,
    } = this.#options;
    const { evalEvery = steps, saveEvery = steps } = this.#options;
    const { tensors, kind, seed, numSteps } = await optimizer.state();
    const state: TrainerState = {
      ...progress,
      weights: await hashWeights(model.namedParameters()),
      optimizer: { kind, seed, numSteps },
      dataPlace: data.placeOf?.(step * accumulationSteps),
      config: this.#config(),
    };
    const bestCheckpoint =
      best && (best.step === step || (await hasCheckpoint(this.#out, { step: best.step, fileSystem })))
        ? checkpointName(best.step)
        : null;
    const write = async (folder: string): Promise<void> => {
      await this.#save(folder);
      if (weightAverage) {
        const averages = serializeMoments(await weightAverage.state());
        await writeWhole(joinPath(folder, AVERAGE_FILE), { bytes: averages, fileSystem });
      }
      await writeWhole(joinPath(folder, OPTIMIZER_FILE), { bytes: serializeMoments(tensors), fileSystem });
      const bytes = new TextEncoder().encode(
        serializeTrainerState(state, { steps, logEvery, evalEvery, saveEvery, bestCheckpoint }),
      );
      await writeWhole(joinPath(folder, TRAINER_STATE), { bytes, fileSystem });
    };
    this.#newest = await writeCheckpoint(this.#out, { step, write, saveLimit, keepStep: best?.step, fileSystem });
    return this.#newest.folder;
  }

  /** Checks a checkpoint against this run, then sets the optimizer; nothing changes when something differs. */
  async load(folder: string): Promise<TrainerState> {
    const fileSystem = this.#fileSystem;
    await verifyManifest(folder, { fileSystem });
    const where = joinPath(folder, TRAINER_STATE);
    const state = parseTrainerState(await this.#read(where), { where });
    const { model, optimizer } = this.#options;
    const differences = configDifferences(state.config, this.#config());
    if (differences.length === 0 && state.weights !== (await hashWeights(model.namedParameters()))) {
      differences.push('the weights of the model are not those of the checkpoint: load the model from it first');
    }
    if (differences.length > 0)
      throw new TrainingError('mismatch', `${folder}: is of another run: ${differences.join('; ')}`);
    const moments = joinPath(folder, OPTIMIZER_FILE);
    optimizer.loadState({
      ...state.optimizer,
      tensors: parseMoments(await this.#read(moments), { where: moments }),
    });
    await this.#loadAverage(folder);
    if (state.dataPlace) this.#options.data.goTo?.(state.dataPlace);
    this.#newest = { step: state.step, folder };
    return state;
  }

  async #loadAverage(folder: string): Promise<void> {
    const { weightAverage } = this.#options;
    if (!weightAverage) return;
    const where = joinPath(folder, AVERAGE_FILE);
    weightAverage.loadState(parseMoments(await this.#read(where), { where }));
  }

  #read(path: string): Promise<Uint8Array> {
    return this.#fileSystem.read(path).catch((cause: unknown) => {
      throw new TrainingError('damaged', `${path}: cannot be read: ${messageOf(cause)}`, { cause });
    });
  }

  /** All that a resumed run must share with this one. */
  #config(): { readonly [key: string]: JsonLike } {
    const { config = {}, data, optimizer, accumulationSteps = 1, average = 'tokens', weightAverage } = this.#options;
    const { kind, seed } = optimizer;
    return {
      ...config,
      trainer: {
        accumulationSteps,
        average,
        optimizer: kind,
        seed,
        ...(data.identity && { data: data.identity }),
        ...(weightAverage && { weightAverage: { decay: weightAverage.decay, warmup: weightAverage.warmup } }),
      },
    };
  }
}
