import { isJsonObject, type JsonLike, parseJsonObject, serializeJson } from '@formers/checkpoints';

import { TrainingError } from '../errors.ts';
import type { BestEvaluation, LogRecord } from './events.ts';
import type { DataPlace } from './trainer-options.ts';

/** Name of the file. */
export const TRAINER_STATE = 'trainer_state.json';

/** What the trainer has to remember, besides weights and optimizer. */
export interface TrainerState {
  readonly step: number;
  readonly tokensSeen: number;
  readonly logHistory: readonly LogRecord[];
  readonly best: BestEvaluation | undefined;
  /** Evaluations in a row that were no better, for early stopping. */
  readonly worseEvaluations: number;
  /** SHA-256 over the values of all parameters. */
  readonly weights: string;
  /** Kind, seed and step count of the optimizer; its moments are in a file of their own. */
  readonly optimizer: { readonly kind: string; readonly seed: number; readonly numSteps: number };
  /** Where in its data the run is, for a source that tells. */
  readonly dataPlace: DataPlace | undefined;
  /** What must be the same when the run is resumed. */
  readonly config: { readonly [key: string]: JsonLike };
}

/** What Hugging Face's file has too, and nobody here reads back. */
export interface TrainerSettings {
  readonly steps: number;
  readonly logEvery: number;
  readonly evalEvery: number;
  readonly saveEvery: number;
  /** Name of the checkpoint of the best step, where there is one. */
  readonly bestCheckpoint: string | null;
}

/** As `TrainerState.save_to_json` of Transformers writes it; what it does not know is under `stateful_callbacks.Formers`. */
export function serializeTrainerState(
  state: TrainerState,
  { steps, logEvery, evalEvery, saveEvery, bestCheckpoint }: TrainerSettings,
): string {
  const { step, tokensSeen, logHistory, best, worseEvaluations, weights, optimizer, config, dataPlace } = state;
  return serializeJson({
    best_global_step: best?.step ?? null,
    best_metric: best?.metric ?? null,
    best_model_checkpoint: bestCheckpoint,
    epoch: 0,
    eval_steps: evalEvery,
    global_step: step,
    is_hyper_param_search: false,
    is_local_process_zero: true,
    is_world_process_zero: true,
    log_history: logHistory,
    logging_steps: logEvery,
    max_steps: steps,
    num_input_tokens_seen: tokensSeen,
    num_train_epochs: 0,
    save_steps: saveEvery,
    stateful_callbacks: { Formers: { config, optimizer, weights, worseEvaluations, ...(dataPlace && { dataPlace }) } },
    total_flos: 0,
    train_batch_size: null,
    trial_name: null,
    trial_params: null,
  });
}

/** @throws {@link TrainingError} `mismatch` for a file that no Formers trainer wrote. */
export function parseTrainerState(bytes: Uint8Array, { where }: { where: string }): TrainerState {
  const json = parseJsonObject(bytes, { where });
  const wrong = (key: string): never => {
    throw new TrainingError(
      'mismatch',
      `${where}: ${key} is missing or malformed: not a checkpoint of a Formers trainer`,
    );
  };
  const count = (value: unknown, key: string): number =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : wrong(key);
  const own = isJsonObject(json['stateful_callbacks']) ? json['stateful_callbacks']['Formers'] : undefined;
  if (!isJsonObject(own)) return wrong('stateful_callbacks.Formers');
  const { config, optimizer, weights, worseEvaluations = 0, dataPlace } = own;
  if (!isJsonObject(config)) return wrong('config');
  if (!isJsonObject(optimizer) || typeof optimizer['kind'] !== 'string' || typeof optimizer['seed'] !== 'number')
    return wrong('optimizer');
  const bestMetric = json['best_metric'];
  return {
    step: count(json['global_step'], 'global_step'),
    tokensSeen: count(json['num_input_tokens_seen'], 'num_input_tokens_seen'),
    logHistory: Array.isArray(json['log_history'])
      ? json['log_history'].map((record) => (isNumbers(record) ? record : wrong('log_history')))
      : wrong('log_history'),
    best:
      typeof bestMetric === 'number'
        ? { metric: bestMetric, step: count(json['best_global_step'], 'best_global_step') }
        : undefined,
    worseEvaluations: count(worseEvaluations, 'worseEvaluations'),
    weights: typeof weights === 'string' ? weights : wrong('weights'),
    optimizer: {
      kind: optimizer['kind'],
      seed: optimizer['seed'],
      numSteps: count(optimizer['numSteps'], 'optimizer.numSteps'),
    },
    dataPlace: dataPlace === undefined ? undefined : isNumbers(dataPlace) ? dataPlace : wrong('dataPlace'),
    config,
  };
}

function isNumbers(value: unknown): value is Readonly<Record<string, number>> {
  return (
    typeof value === 'object' && value !== null && Object.values(value).every((entry) => typeof entry === 'number')
  );
}
