import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { excerpt } from './excerpt.ts';
import { run } from './run.ts';
import type { Stage } from './stages.ts';
import { because, fail, type Tally, total } from './tally.ts';
import { readJson, root } from './workspace.ts';

/** What is read of the report that vitest's `json` reporter writes. */
export interface VitestReport {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    /** What was wrong outside of its tests. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly title: string;
      readonly fullName: string;
      readonly ancestorTitles: readonly string[];
      /** Errors with their stacks. */
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** A stage that runs vitest with one of the root's configurations, shows its progress and counts single tests. */
export function vitest(name: string, config: string): Stage {
  return {
    name,
    async work() {
      const folder = mkdtempSync(join(tmpdir(), 'formers-vitest-'));
      const file = join(folder, 'report.json');
      process.stdout.write('\n');
      const { code, output } = await run(
        ['vitest', 'run', '--config', config, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
        { onOutput: (piece) => process.stdout.write(piece) },
      );
      try {
        const tally = tallyReport(readJson<VitestReport>(file), output);
        if (code === 0 || tally.failed > 0) return tally;
        return total([tally, fail(`${name}: errors outside of the tests`, excerpt(output, { last: 40 }))]);
      } catch (error) {
        return fail(
          `${name}: vitest ended with ${code} and left no report (${String(error)})`,
          excerpt(output, { last: 20 }),
        );
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

/**
 * Counts a report: failures are named one by one with their messages, skipped tests by file and outermost suite.
 *
 * @param output What vitest printed; the report tells nothing of hooks that failed.
 */
export function tallyReport(report: VitestReport, output = ''): Tally {
  const failures: string[] = [];
  const skips = new Map<string, number>();
  let passed = 0;
  for (const { name, status, message, assertionResults } of report.testResults) {
    const file = relative(root, name);
    for (const test of assertionResults) {
      if (test.status === 'passed') passed += 1;
      else if (test.status === 'failed') failures.push(because(`${file} > ${test.fullName}`, reasonOf(test)));
      else {
        const suite = `${file} > ${test.ancestorTitles[0] ?? test.title}`;
        skips.set(suite, (skips.get(suite) ?? 0) + 1);
      }
    }
    const anyFailed = assertionResults.some((test) => test.status === 'failed');
    if (status === 'failed' && !anyFailed)
      failures.push(because(`${file} (the file itself)`, excerpt(message || printedOf(output, file), { first: 12 })));
  }
  return {
    passed,
    failed: failures.length,
    skipped: [...skips.values()].reduce((sum, count) => sum + count, 0),
    failures,
    skips: [...skips].map(([suite, count]) => `${suite}: ${count} ${count === 1 ? 'test' : 'tests'}`),
  };
}

/** Messages and places in our own code. */
function reasonOf({ failureMessages }: { readonly failureMessages: readonly string[] }): string {
  const lines = failureMessages.flatMap((message) => message.split('\n'));
  const own = lines.filter((line) => !/^ +at .*(node_modules|node:internal|<anonymous>)/.test(line));
  return excerpt(own.join('\n'), { first: 12 });
}

/** What vitest printed of a failure in a file. */
function printedOf(output: string, file: string): string {
  const plain = stripVTControlCharacters(output);
  const begin = plain.indexOf(` FAIL  ${file}`);
  return begin < 0 ? '' : plain.slice(begin);
}
