import { createInterface } from 'node:readline';

import type { Hello, Request, Task } from '../harness/tasks.ts';
import { type TimedTask, timeSteps } from './timed-task.ts';

/** Requests that only some workers can answer. */
export type OtherRequest = Exclude<Request, { request: 'prepare' | 'run' | 'drop' }>;

/**
 * The loop of a worker in Node: says hello, then answers each line of standard input by a line of standard output. What libraries print goes to standard error.
 */
export async function serve(
  hello: Hello,
  {
    prepare,
    others = () => {
      throw new Error('it has no such measurement');
    },
  }: {
    prepare: (task: Task) => TimedTask | Promise<TimedTask>;
    others?: (request: OtherRequest) => Promise<object>;
  },
): Promise<void> {
  const tasks = new Map<string, TimedTask>();
  const answer = (value: object): boolean => process.stdout.write(`${JSON.stringify(value)}\n`);
  const respond = async (request: Request): Promise<object> => {
    switch (request.request) {
      case 'prepare': {
        const task = await prepare(request.task);
        tasks.set(request.key, task);
        return { results: task.results };
      }
      case 'run': {
        const task = tasks.get(request.key);
        if (!task) throw new Error(`nothing is prepared as ${request.key}`);
        return timeSteps(task, request);
      }
      case 'drop':
        tasks.get(request.key)?.[Symbol.dispose]();
        tasks.delete(request.key);
        return {};
      default:
        return others(request);
    }
  };
  answer({ ...hello, versions: { node: process.versions.node, ...hello.versions } });
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      answer(await respond(JSON.parse(line) as Request));
    } catch (error) {
      const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
      answer({ error: first.slice(0, 200) });
    }
  }
  process.exit(); // whatever threads a library still has
}

/** Keeps what libraries print off standard output; to be called before they are imported. */
export function quietConsole(): void {
  console.log = console.error;
  console.info = console.error;
}
