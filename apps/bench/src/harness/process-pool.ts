import type { Contestant } from './contestants.ts';
import type { Hello } from './tasks.ts';
import { WorkerError, WorkerProcess } from './worker-process.ts';

/** The processes of the contestants, each started when it is first needed. */
export class ProcessPool implements AsyncDisposable {
  readonly #workers = new Map<string, WorkerProcess>();
  readonly #absent = new Map<string, string>();
  readonly #hellos = new Map<string, Hello>();

  /** The running process of a contestant. @throws {@link WorkerError} when there can't be one. */
  async worker({ id, command }: Contestant): Promise<WorkerProcess> {
    const reason = this.#absent.get(id);
    if (reason !== undefined) throw new WorkerError(reason);
    let worker = this.#workers.get(id);
    if (!worker) {
      try {
        worker = await WorkerProcess.start(command);
      } catch (error) {
        if (error instanceof WorkerError) this.#absent.set(id, error.message);
        throw error;
      }
      this.#workers.set(id, worker);
      this.#hellos.set(id, worker.hello);
    }
    return worker;
  }

  /** What every contestant so far said of itself. */
  get hellos(): ReadonlyMap<string, Hello> {
    return this.#hellos;
  }

  /** Ends a contestant's process; it is started anew when it is needed again. */
  async stop({ id }: Contestant): Promise<void> {
    await this.#workers.get(id)?.[Symbol.asyncDispose]();
    this.#workers.delete(id);
  }

  /** Ends all processes. */
  async stopAll(): Promise<void> {
    for (const worker of this.#workers.values()) await worker[Symbol.asyncDispose]();
    this.#workers.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAll();
  }
}
