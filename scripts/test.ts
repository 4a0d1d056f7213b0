/**
 * `pnpm test`: everything that can be checked on a bare machine, in Node. The last line counts every test and every
 * other check: `N passed, N failed, N skipped`.
 */
import { parseArgs } from 'node:util';
import { command, runStages, type Stage } from './lib/stages.ts';
import { conclude, total } from './lib/tally.ts';
import { vitest } from './lib/vitest.ts';

const stages: readonly Stage[] = [
  command('assets', ['node', 'scripts/assets.ts']),
  command('build', ['turbo', 'run', 'build', '--output-logs=errors-only']),
  command('types', ['tsc', '-p', 'tsconfig.json']),
  command('lint', ['oxlint', '--type-aware']),
  command('format', ['oxfmt', '--check']),
  command('imports', ['node', 'scripts/check-imports.ts']),
  command('policy', ['node', 'scripts/check-policy.ts']),
  command('unused', ['knip', '--no-config-hints']),
  command('sizes', ['size-limit']),
  command('packages', ['node', 'scripts/check-packages.ts']),
  vitest('tests', 'vitest.config.ts'),
];

const { values } = parseArgs({ options: { only: { type: 'string' }, help: { type: 'boolean' } } });
const names = stages.map(({ name }) => name);
const wanted = values.only?.split(',') ?? names;
const unknown = wanted.filter((name) => !names.includes(name));
if (values.help === true || unknown.length > 0) {
  process.stdout.write(`pnpm test [--only ${names.join(',')}]\n`);
  process.exitCode = unknown.length > 0 ? 2 : 0;
} else {
  conclude(total(await runStages(stages.filter(({ name }) => wanted.includes(name)))));
}
