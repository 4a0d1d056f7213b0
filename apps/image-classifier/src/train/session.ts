import { proxy, type Remote } from 'comlink';

import { type PageWorker, startWorker, WorkerEnded } from '../worker/start-worker.ts';
import type { Snapshot, TrainEnd, TrainerService, TrainEvent, TrainJob } from './protocol.ts';

/** Codes of failures that are of the worker or its device, not of the job: another worker may go on. */
const LOST: ReadonlySet<string> = new Set(['device-lost', 'crashed']);

/** What a session tells besides what its worker does. */
export type SessionEvent = TrainEvent | { readonly type: 'restarted'; readonly step: number; readonly message: string };

/**
 * One training in a worker of its own. When the worker is lost, another one goes on from the last snapshot, as long as each gets further than the one before.
 */
export class TrainSession implements Disposable {
  readonly #job: TrainJob;
  readonly #tell: (event: SessionEvent) => void;
  #worker: PageWorker | undefined;
  #trainer: Remote<TrainerService> | undefined;
  #snapshot: Snapshot | undefined;
  #isPaused = false;

  constructor(job: TrainJob, tell: (event: SessionEvent) => void) {
    this.#job = job;
    this.#tell = tell;
    this.#snapshot = job.snapshot;
  }

  /** Where the training stood when it was last kept. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** Trains; settles when it is over, and never rejects. */
  async run(): Promise<TrainEnd> {
    for (;;) {
      const begun = this.#snapshot;
      const end = await this.#runWorker();
      if (end.reason !== 'failed' || !LOST.has(end.code) || this.#snapshot === begun || !this.#snapshot) return end;
      this.#tell({ type: 'restarted', step: this.#snapshot.step, message: end.message });
    }
  }

  pause(): void {
    this.#isPaused = true;
    void this.#trainer?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    void this.#trainer?.resume();
  }

  stop(): void {
    if (this.#trainer) void this.#trainer.stop();
    else this[Symbol.dispose]();
  }

  /** The trained model's files. */
  files(): Promise<Map<string, Uint8Array>> {
    return this.#ask((trainer) => trainer.files());
  }

  /** The trained model's files in a zip. */
  zip(): Promise<Uint8Array> {
    return this.#ask((trainer) => trainer.zip());
  }

  /** Ends the worker, and the model with it. */
  [Symbol.dispose](): void {
    this.#worker?.terminate();
  }

  async #ask<Answer>(question: (trainer: Remote<TrainerService>) => Promise<Answer>): Promise<Answer> {
    if (!this.#trainer || !this.#worker) throw new Error('there is no trained model');
    return this.#worker.ask(question(this.#trainer));
  }

  async #runWorker(): Promise<TrainEnd> {
    this.#worker?.terminate();
    this.#trainer = undefined;
    const worker = startWorker('trainer', { mayAsk: 'own host' });
    this.#worker = worker;
    const training = async (): Promise<TrainEnd> => {
      const trainer = (await worker.services.trainer()) as unknown as Remote<TrainerService>;
      this.#trainer = trainer;
      if (this.#isPaused) void trainer.pause();
      return trainer.train(
        { ...this.#job, snapshot: this.#snapshot },
        proxy((event) => this.#listen(event)),
      );
    };
    try {
      return await worker.ask(training());
    } catch (cause) {
      if (cause instanceof WorkerEnded) return { reason: 'cancelled', step: 0 };
      return { reason: 'failed', code: 'crashed', message: cause instanceof Error ? cause.message : String(cause) };
    }
  }

  #listen(event: TrainEvent): void {
    if (event.type === 'snapshot') this.#snapshot = event.snapshot;
    this.#tell(event);
  }
}
