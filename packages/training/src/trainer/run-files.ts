import { fromFloat32, type JsonLike, parseSafetensors, serializeSafetensors, toFloat32 } from '@formers/checkpoints';
import type { Variable } from '@tensorflow/tfjs-core';

import { type FileSystem, joinPath, messageOf, sha256 } from '../checkpoints/file-system.ts';
import { TrainingError } from '../errors.ts';
import type { OptimizerState, StateTensor } from '../optimizers/optimizer-options.ts';
import type { LogRecord } from './events.ts';

/** Name of the file with the optimizer's moments. */
export const OPTIMIZER_FILE = 'optimizer.safetensors';

/** Name of the file with the averages of the weights, where there are some. */
export const AVERAGE_FILE = 'weight_average.safetensors';

const LOG_FILE = 'log.jsonl';

/** Moments as a safetensors file. */
export function serializeMoments(tensors: OptimizerState['tensors']): Uint8Array {
  return serializeSafetensors([...tensors].map(([name, { shape, values }]) => [name, fromFloat32(values, shape)]));
}

/** The moments in a safetensors file. */
export function parseMoments(bytes: Uint8Array, { where }: { where: string }): Map<string, StateTensor> {
  const { tensors } = parseSafetensors(bytes, { where });
  return new Map([...tensors].map(([name, tensor]) => [name, { shape: tensor.shape, values: toFloat32(tensor) }]));
}

/**
 * SHA-256 over the values of all parameters.
 *
 * @throws {@link TrainingError} `not-finite`: such weights are of no use to anybody.
 */
export async function hashWeights(parameters: ReadonlyMap<string, Variable>): Promise<string> {
  const values = await Promise.all([...parameters.values()].map((parameter) => parameter.data<'float32'>()));
  [...parameters.keys()].forEach((path, i) => {
    if (values[i]?.every(Number.isFinite)) return;
    throw new TrainingError('not-finite', `Trainer: the weights of ${path} are not finite; they are not saved`);
  });
  return sha256(values.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength)));
}

/** The JSONL log of a run: one record a line. */
export class RunLog {
  readonly #path: string;
  readonly #fileSystem: FileSystem;

  constructor(out: string, fileSystem: FileSystem) {
    this.#path = joinPath(out, LOG_FILE);
    this.#fileSystem = fileSystem;
  }

  /** Drops the records after a step, and a last line that a killed run left half-written. */
  async cutAfter(step: number): Promise<void> {
    const bytes = await this.#fileSystem.read(this.#path).catch(() => undefined);
    if (!bytes) return;
    const kept = new TextDecoder()
      .decode(bytes)
      .split('\n')
      .filter((line) => stepOfLine(line) <= step);
    const text = kept.map((line) => `${line}\n`).join('');
    await this.#fileSystem.write(this.#path, new TextEncoder().encode(text)).catch(this.#refused);
  }

  async append(record: LogRecord): Promise<void> {
    await this.#fileSystem
      .append(this.#path, new TextEncoder().encode(`${JSON.stringify(record)}\n`))
      .catch(this.#refused);
  }

  readonly #refused = (cause: unknown): never => {
    throw new TrainingError('write', `${this.#path}: the log could not be written: ${messageOf(cause)}`, { cause });
  };
}

function stepOfLine(line: string): number {
  try {
    const { step } = JSON.parse(line) as { step?: JsonLike };
    return typeof step === 'number' ? step : Infinity;
  } catch {
    return Infinity;
  }
}
