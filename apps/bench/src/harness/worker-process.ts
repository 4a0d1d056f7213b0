import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Hello, MemoryUse, Peak, Prepared, Profile, Ran, Request } from './tasks.ts';

/** A worker that could not be started or did not answer; the message is its last word. */
export class WorkerError extends Error {}

/** A worker that takes longer hangs; in milliseconds. */
const LONGEST_ANSWER = 600_000;

/** How a worker is started. */
export interface WorkerCommand {
  readonly file: string;
  readonly args: readonly string[];
}

/** A contestant's own process. It computes only between a request and its answer, so that no two ever run at once. */
export class WorkerProcess implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #complaints = '';
  #hello: Hello | undefined;

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stderr
      .setEncoding('utf8')
      .on('data', (text: string) => (this.#complaints = (this.#complaints + text).slice(-4000)));
    child.stdin.on('error', () => {}); // a worker that ended says why on stderr
    child.on('error', (error) => (this.#complaints += `${error.message}\n`));
  }

  /** Starts a worker and waits for its first line. @throws {@link WorkerError} when it can't work here. */
  static async start({ file, args }: WorkerCommand): Promise<WorkerProcess> {
    const worker = new WorkerProcess(spawn(file, args, { stdio: 'pipe' }));
    try {
      worker.#hello = await worker.#answer<Hello>();
    } catch (error) {
      await worker[Symbol.asyncDispose]();
      throw error;
    }
    return worker;
  }

  /** What the worker said of itself. */
  get hello(): Hello {
    return this.#hello as Hello;
  }

  /** Asks, and waits for the answer. @throws {@link WorkerError} with the worker's own words. */
  async ask(request: Extract<Request, { request: 'prepare' }>): Promise<Prepared>;
  async ask(request: Extract<Request, { request: 'run' }>): Promise<Ran>;
  async ask(request: Extract<Request, { request: 'memory' }>): Promise<MemoryUse>;
  async ask(request: Extract<Request, { request: 'peak' }>): Promise<Peak>;
  async ask(request: Extract<Request, { request: 'profile' }>): Promise<Profile>;
  async ask(request: Extract<Request, { request: 'drop' | 'make' | 'export' }>): Promise<object>;
  async ask(request: Request): Promise<object> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    return this.#answer();
  }

  async #answer<Answer extends object>(): Promise<Answer> {
    const limit = new AbortController();
    const next = await Promise.race([
      this.#lines.next(),
      sleep(LONGEST_ANSWER, undefined, { signal: limit.signal, ref: false }),
    ]).finally(() => limit.abort());
    if (!next) throw new WorkerError(`did not answer within ${LONGEST_ANSWER / 60_000} minutes`);
    if (next.done === true) {
      if (this.#child.exitCode === null && this.#child.signalCode === null)
        await once(this.#child, 'close').catch(() => {});
      throw new WorkerError(
        lastWord(this.#complaints) ?? `ended with ${this.#child.exitCode ?? this.#child.signalCode}`,
      );
    }
    const answer = parse<Answer>(next.value);
    if ('error' in answer) throw new WorkerError(answer.error);
    return answer;
  }

  /** Ends the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode, pid } = this.#child;
    if (exitCode !== null || signalCode !== null || pid === undefined) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }
}

function parse<Answer extends object>(line: string): Answer | { error: string } {
  try {
    return JSON.parse(line) as Answer | { error: string };
  } catch {
    return { error: `said ${JSON.stringify(line.slice(0, 100))} where an answer was due` };
  }
}

/** The last line of what a process complained about: of a stack trace in Python, the error. */
function lastWord(text: string): string | undefined {
  const lines = text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith(' ') && !line.startsWith('Node.js v'));
  return (lines.find((line) => /^\w*Error/.test(line)) ?? lines.at(-1))?.slice(0, 200);
}
