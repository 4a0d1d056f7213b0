import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { WorkerError } from './harness/worker-process.ts';
import { measure } from './measure.ts';
import { type BenchOptions, HELP, parseOptions, UsageError } from './options.ts';
import { type BenchDocument, wrongResults } from './report/document.ts';
import { documentMarkdown } from './report/markdown.ts';
import { GPU_MARKERS, MARKERS, replaceBetweenMarkers } from './report/readme.ts';
import { readDocument } from './report/saved.ts';

const README = path.join(import.meta.dirname, '../README.md');

try {
  const [suite, ...rest] = process.argv.slice(2);
  if (suite === 'dispatches') await dispatches(rest);
  else if (suite === 'pack') await (await import('./pack/pack.ts')).benchPack(rest);
  else {
    const options = parseOptions(process.argv.slice(2));
    if (options.help) process.stdout.write(HELP);
    else if (options.from !== undefined) await writeReport(await readDocument(options.from, options));
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
  // Figures of a try are only shown.
  const isWritten = options.suite === 'report' && !options.quick && options.size === undefined;
  let document: BenchDocument | undefined;
  for await (document of measure(options)) {
    if (options.save !== undefined) await writeFile(options.save, json(document));
    if (isWritten) await writeReport(document); // each time, so that a run that is cut off leaves what it has
  }
  if (!document || document.cases.length === 0) throw new UsageError('no case has such a name');
  if (options.json) process.stdout.write(json(document));
  else if (isWritten) console.error(`bench: ${path.relative(process.cwd(), README)} has the tables`);
  else if (options.suite === 'report') process.stdout.write(`${documentMarkdown(document)}\n`);
  const wrong = wrongResults(document.cases);
  for (const line of wrong) console.error(`bench: wrong: ${line}`);
  if (wrong.length > 0) process.exitCode = 1;
}

/** Writes the tables into the README: those of the processor, or those of the GPU. */
async function writeReport(document: BenchDocument): Promise<void> {
  const text = await readFile(README, 'utf8');
  const markers = document.gpu ? GPU_MARKERS : MARKERS;
  await writeFile(README, replaceBetweenMarkers(text, documentMarkdown(document), markers));
}

function json(document: BenchDocument): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}
