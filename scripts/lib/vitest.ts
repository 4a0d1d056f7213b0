import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { run } from './run.ts';
import type { Stage } from './stages.ts';
import { fail, type Tally, total } from './tally.ts';
import { readJson, root } from './workspace.ts';

/** What is read of the report that vitest's `json` reporter writes. */
export interface VitestReport {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly title: string;
      readonly fullName: string;
      readonly ancestorTitles: readonly string[];
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
      try {
        process.stdout.write('\n');
        const { code } = await run(
          ['vitest', 'run', '--config', config, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
          { onOutput: (piece) => process.stdout.write(piece) },
        );
        const tally = tallyReport(readJson<VitestReport>(file));
        return code === 0 || tally.failed > 0 ? tally : total([tally, fail(`${name}: errors outside of the tests`)]);
      } catch (error) {
        return fail(`${name}: vitest left no report (${String(error)})`);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

/** Counts a report: failures are named one by one, skipped tests by file and outermost suite. */
export function tallyReport(report: VitestReport): Tally {
  const failures: string[] = [];
  const skips = new Map<string, number>();
  let passed = 0;
  for (const { name, status, assertionResults } of report.testResults) {
    const file = relative(root, name);
    for (const test of assertionResults) {
      if (test.status === 'passed') passed += 1;
      else if (test.status === 'failed') failures.push(`${file} > ${test.fullName}`);
      else {
        const suite = `${file} > ${test.ancestorTitles[0] ?? test.title}`;
        skips.set(suite, (skips.get(suite) ?? 0) + 1);
      }
    }
    const anyFailed = assertionResults.some((test) => test.status === 'failed');
    if (status === 'failed' && !anyFailed) failures.push(`${file} (the file itself)`);
  }
  return {
    passed,
    failed: failures.length,
    skipped: [...skips.values()].reduce((sum, count) => sum + count, 0),
    failures,
    skips: [...skips].map(([suite, count]) => `${suite}: ${count} ${count === 1 ? 'test' : 'tests'}`),
  };
}
