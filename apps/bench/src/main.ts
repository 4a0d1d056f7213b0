import { rmSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { CaseResult } from './harness/cases.ts';
import { type Effort, EFFORTS } from './harness/run-case.ts';
import type { Hello } from './harness/tasks.ts';
import { WorkerError } from './harness/worker-process.ts';
import { installPeers } from './install-peers.ts';
import { type BenchOptions, HELP, parseOptions, SUITE_PEERS, SUITES, UsageError } from './options.ts';
import { type BenchDocument, wrongResults } from './report/document.ts';
import { thisMachine } from './report/machine.ts';
import { documentMarkdown } from './report/markdown.ts';
import { replaceBetweenMarkers } from './report/readme.ts';
import { caseText } from './report/text.ts';
import { runSuite } from './run-suite.ts';
import { lineup } from './suites/lineup.ts';

const README = path.join(import.meta.dirname, '../README.md');

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(HELP);
  else await bench(options);
} catch (error) {
  if (!(error instanceof UsageError || error instanceof WorkerError)) throw error;
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}

async function bench(options: BenchOptions): Promise<void> {
  const document = await measure(options);
  if (document.cases.length === 0) throw new UsageError('no case has such a name');
  if (options.json) process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  if (options.suite === 'report') await report(document, options);
  const wrong = wrongResults(document.cases);
  for (const line of wrong) console.error(`bench: wrong: ${line}`);
  if (wrong.length > 0) process.exitCode = 1;
}

async function measure(options: BenchOptions): Promise<BenchDocument> {
  const start = performance.now();
  const machine = thisMachine();
  const notes: string[] = [];
  const cases: CaseResult[] = [];
  const hellos = new Map<string, Hello>();
  const say = (text: string): void => void (options.json ? process.stderr : process.stdout).write(text);
  const onNote = (text: string): void => say(`bench: ${text}\n`);
  const suites = options.suite === 'report' ? SUITES : [options.suite];
  const peers = options.peers.filter((peer) => suites.some((suite) => SUITE_PEERS[suite].includes(peer)));
  await installPeers(peers, { onNote });
  if (machine.load > 0.5)
    onNote(`the machine is busy (load ${machine.load.toFixed(1)}), so the figures will mean little`);
  const folder = await mkdtemp(path.join(tmpdir(), 'formers-bench-'));
  const stop = (): never => {
    rmSync(folder, { recursive: true, force: true }); // up to a gigabyte of weights
    process.exit(130);
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const context = {
      line: lineup(options),
      effort: effortOf(options),
      folder,
      hellos,
      onNote: (text: string) => {
        notes.push(text);
        onNote(text);
      },
    };
    for (const suite of suites)
      for await (const result of runSuite(suite, context)) {
        cases.push(result);
        say(`${caseText(result)}\n`);
      }
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    await rm(folder, { recursive: true, force: true });
  }
  const ours = [...hellos].find(([id]) => id.startsWith('formers'))?.[1];
  return {
    date: new Date().toISOString(),
    machine,
    versions: Object.assign({}, ...[...hellos.values()].map(({ versions }) => versions)) as Record<string, string>,
    features: ours?.note ?? '',
    quick: options.quick,
    seconds: (performance.now() - start) / 1000,
    cases,
    notes,
  };
}

function effortOf({ quick, suite, slowPeerSeconds }: BenchOptions): Effort {
  const effort = EFFORTS[quick ? 'quick' : suite === 'report' ? 'report' : 'full'];
  return slowPeerSeconds === undefined ? effort : { ...effort, slowPeerTime: slowPeerSeconds * 1000 };
}

/** Writes the tables into the README; figures of a quick run are only shown. */
async function report(document: BenchDocument, { quick, json }: BenchOptions): Promise<void> {
  const markdown = documentMarkdown(document);
  if (quick) {
    if (!json) process.stdout.write(`${markdown}\n`);
    return;
  }
  await writeFile(README, replaceBetweenMarkers(await readFile(README, 'utf8'), markdown));
  console.error(`bench: ${path.relative(process.cwd(), README)} has the new tables`);
}
