import { excerpt } from './excerpt.ts';
import { run, type RunOptions } from './run.ts';
import { fail, pass, type Tally } from './tally.ts';

/** A named part of a test run. */
export interface Stage {
  readonly name: string;
  readonly work: () => Promise<Tally>;
}

/** A stage that is one command: it passes when the command ends with 0, and shows the command's output when it does not. */
export function command(name: string, line: readonly [string, ...string[]], options: RunOptions = {}): Stage {
  return {
    name,
    async work() {
      const { code, output } = await run(line, options);
      if (code === 0) return pass;
      process.stdout.write(`\n${output.trimEnd()}\n`);
      return fail(`${name} (${line.join(' ')})`, excerpt(output, { last: 20 }));
    },
  };
}

/** Runs the stages one after another, all of them, and says how long each took. */
export async function runStages(stages: readonly Stage[]): Promise<Tally[]> {
  const tallies: Tally[] = [];
  for (const { name, work } of stages) {
    const start = performance.now();
    process.stdout.write(`${name} ... `);
    const tally = await work();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    process.stdout.write(`${tally.failed === 0 ? 'ok' : `${name} FAILED`} (${seconds} s)\n`);
    tallies.push(tally);
  }
  return tallies;
}
