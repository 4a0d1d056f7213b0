import { parseArgs } from 'node:util';
import { stat } from 'node:fs/promises';

import { ENGINES, startEngine, STORAGES } from '@formers/cli';

import type { CaseResult } from './case.ts';
import { ROUNDINGS } from './comparison.ts';
import { runParity } from './run.ts';

const HELP = `Compares every known answer under a folder with what Formers computes.

  npx pnpm@12 parity <folder> [--engine cpu|simd|webgpu] [--storage f32|f16] [--json] [--all]

  --engine   what to compute on (default cpu)
  --storage  how the webgpu engine stores large tensors (default f32). f16 compares what went through such with tolerances of its own: 2^-7 of the largest number of an output,
             2^-6 of that of a gradient, and the outputs once more with frozen weights, which are in halves, too
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
      storage: { type: 'string', default: 'f32' },
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
  if (!STORAGES.some((storage) => storage === values.storage))
    throw new Error(`--storage must be one of ${STORAGES.join(', ')}, got ${values.storage}`);
  const { name } = await startEngine(values);

  const print = values.json
    ? (result: CaseResult) => console.log(JSON.stringify(result))
    : (result: CaseResult) => printLine(result, values.all);
  const counts = { passed: 0, failed: 0, unsupported: 0 };
  const isHalf = values.storage === 'f16';
  for await (const result of runParity(folder, { isHalf })) {
    counts[result.status === 'pass' ? 'passed' : result.status === 'fail' ? 'failed' : 'unsupported']++;
    print(result);
  }
  if (counts.passed + counts.failed + counts.unsupported === 0)
    throw new Error(`no case.json, manifest.json or schedules.json under ${folder}`);
  const { storage } = values;
  if (values.json) console.log(JSON.stringify({ summary: true, engine: name, storage, ...counts }));
  else {
    const halves = isHalf ? `, storage f16 (${HALF_TOLERANCES})` : '';
    console.log(`\nengine ${name}${halves}, ${counts.unsupported} unsupported`);
    console.log(`${counts.passed} passed, ${counts.failed} failed`);
  }
  return counts.failed === 0 ? 0 : 1;
}

const HALF_TOLERANCES = Object.entries(ROUNDINGS)
  .map(([what, roundings]) => `${what} ${roundings} * 2^-11`)
  .join(', ');

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
