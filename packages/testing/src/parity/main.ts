import { parseArgs } from 'node:util';
import { stat } from 'node:fs/promises';

import { ENGINES, startEngine } from '@formers/cli';

import type { CaseResult } from './case.ts';
import { runParity } from './run.ts';

const HELP = `Compares every known answer under a folder with what Formers computes.

  npx pnpm@12 parity <folder> [--engine cpu|simd|webgpu] [--json] [--all]

  --engine   what to compute on (default cpu)
  --json     one JSON record per case, and a last summary record
  --all      list the cases that pass, too

Ends with 1 unless everything that is supported passes.

  npx pnpm@12 parity ../shared/fixtures
  npx pnpm@12 parity ../shared/fixtures/models/gpt2-lm --json
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      engine: { type: 'string', default: 'cpu' },
      json: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [folder] = positionals;
  if (folder === undefined || positionals.length > 1) throw new Error('parity takes one folder; see --help');
  if (!(await stat(folder).catch(() => undefined))?.isDirectory()) throw new Error(`no folder ${folder}`);
  if (!ENGINES.some((engine) => engine === values.engine))
    throw new Error(`--engine must be one of ${ENGINES.join(', ')}, got ${values.engine}`);
  const { name } = await startEngine(values);

  const print = values.json
    ? (result: CaseResult) => console.log(JSON.stringify(result))
    : (result: CaseResult) => printLine(result, values.all);
  const counts = { passed: 0, failed: 0, unsupported: 0 };
  for await (const result of runParity(folder)) {
    counts[result.status === 'pass' ? 'passed' : result.status === 'fail' ? 'failed' : 'unsupported']++;
    print(result);
  }
  if (counts.passed + counts.failed + counts.unsupported === 0)
    throw new Error(`no case.json, manifest.json or schedules.json under ${folder}`);
  if (values.json) console.log(JSON.stringify({ summary: true, engine: name, ...counts }));
  else
    console.log(
      `\nengine ${name}, ${counts.unsupported} unsupported\n${counts.passed} passed, ${counts.failed} failed`,
    );
  return counts.failed === 0 ? 0 : 1;
}

function printLine({ group, name, status, compared, worst, detail }: CaseResult, all: boolean): void {
  if (status === 'unsupported') console.log(`unsupported  ${group}  ${name}  ${detail}`);
  else if (status === 'fail')
    console.log(`FAIL         ${group}  ${name}  ${worst.toPrecision(3)} of the tolerance: ${detail}`);
  else if (all)
    console.log(`pass         ${group}  ${name}  ${compared} compared, worst ${worst.toPrecision(2)} of the tolerance`);
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`parity: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
