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
  const [suite, ...rest] = process.argv.slice(2);
  if (suite === 'dispatches') await dispatches(rest);
  else {
    const options = parseOptions(process.argv.slice(2));
    if (options.help) process.stdout.write(HELP);
    else await bench(options);
  }
} catch (error) {
  if (!(error instanceof UsageError || error instanceof WorkerError)) throw error;
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}

async function dispatches(args: readonly string[]): Promise<never> {
  await (await import('./dispatches/dispatches.ts')).benchDispatches(args);
  await new Promise((resolve) => process.stdout.write('', resolve));
  process.exit(0); // Dawn would keep the process alive
}

async function bench(options: BenchOptions): Promise<void> {
  let document: BenchDocument | undefined;
  for await (document of measure(options)) if (options.suite === 'report') await report(document, options);
  if (!document || document.cases.length === 0) throw new UsageError('no case has such a name');
  if (options.json) process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  else if (options.suite === 'report' && options.quick) process.stdout.write(`${documentMarkdown(document)}\n`);
  const wrong = wrongResults(document.cases);
  for (const line of wrong) console.error(`bench: wrong: ${line}`);
  if (wrong.length > 0) process.exitCode = 1;
}

/** Runs the suites; gives what was measured so far after each of them. */
async function* measure(options: BenchOptions): AsyncGenerator<BenchDocument> {
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
    for (const [i, suite] of suites.entries()) {
      try {
        for await (const result of runSuite(suite, context)) {
          cases.push(result);
          say(`${caseText(result)}\n`);
        }
      } catch (error) {
        if (options.suite !== 'report') throw error;
        context.onNote(`${suite} broke off: ${error instanceof Error ? error.message : String(error)}`);
        process.exitCode = 1;
      }
      const missing = suites.slice(i + 1);
      const ours = [...hellos].find(([id]) => id.startsWith('formers'))?.[1];
      yield {
        date: new Date().toISOString(),
        machine,
        versions: Object.assign({}, ...[...hellos.values()].map(({ versions }) => versions)) as Record<string, string>,
        features: ours?.note ?? '',
        quick: options.quick,
        seconds: (performance.now() - start) / 1000,
        cases: [...cases],
        notes: missing.length > 0 ? [...notes, `not measured yet: ${missing.join(', ')}`] : [...notes],
      };
    }
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    await rm(folder, { recursive: true, force: true });
  }
}

function effortOf({ quick, suite, slowPeerSeconds }: BenchOptions): Effort {
  const effort = EFFORTS[quick ? 'quick' : suite === 'report' ? 'report' : 'full'];
  return slowPeerSeconds === undefined ? effort : { ...effort, slowPeerTime: slowPeerSeconds * 1000 };
}

/** Writes the tables into the README, after each suite, so that a run that is cut off leaves what it has; figures of a quick run are only shown. */
async function report(document: BenchDocument, { quick }: BenchOptions): Promise<void> {
  if (quick) return;
  const last = document.cases.at(-1)?.suite ?? 'nothing';
  await writeFile(README, replaceBetweenMarkers(await readFile(README, 'utf8'), documentMarkdown(document)));
  console.error(`bench: ${path.relative(process.cwd(), README)} has the tables up to ${last}`);
}
