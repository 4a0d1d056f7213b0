import type { CaseResult, ComparisonResult, EntryResult } from '../harness/cases.ts';
import { EFFORTS } from '../harness/run-case.ts';
import type { BenchDocument } from './document.ts';
import { kernelShares } from './kernels.ts';
import { agreementOf, entryName, lossesText, percent, threeDigits } from './text.ts';

const TITLES: Readonly<Record<string, string>> = {
  matmul: 'Matrix products',
  ops: 'Single ops',
  train: 'Training steps of GPT-2',
  infer: 'Inference',
  memory: 'Memory that training steps add to an idle process',
  profile: 'Where the time of a training step goes',
};

const GPU_TITLES: Readonly<Record<string, string>> = { memory: 'Memory of the GPU in use at most, in training' };

/** The tables of the README: where, when and with what, then one table a suite. */
export function documentMarkdown(document: BenchDocument): string {
  const { date, machine, gpu, cuda, versions, features, seconds, cases, notes } = document;
  const suites = [...new Set(cases.map(({ suite }) => suite))];
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `Measured on ${date.slice(0, 10)} in ${Math.ceil(seconds / 60)} min: ${gpu ? `${gpu.name}${gpu.isSoftware ? ' (IN SOFTWARE: NOT A GPU)' : ''}${cuda ? ` (PyTorch: ${cuda})` : ''} at ` : ''}${machine.cpu}, ${machine.cores} cores, ${machine.memoryGigabytes} GB, ` +
      `${machine.system}; load before it ${machine.load.toFixed(2)}. ${programs.join(', ')}. Formers with ${features}.`,
    ...suites.map((suite) =>
      suiteMarkdown(
        (gpu && GPU_TITLES[suite]) ?? TITLES[suite] ?? suite,
        cases.filter((result) => result.suite === suite),
      ),
    ),
    ...(notes.length > 0 ? [`Left out:\n\n${notes.map((note) => `- ${note}`).join('\n')}`] : []),
  ].join('\n\n');
}

function suiteMarkdown(title: string, cases: readonly CaseResult[]): string {
  const heading = `### ${title}`;
  const profiles = cases.flatMap((result) => profileMarkdown(result) ?? []);
  const others = cases.filter(({ kernels }) => !kernels);
  return [heading, ...profiles, ...(others.length > 0 ? [comparisonTable(others)] : [])].join('\n\n');
}

/** One training step by kernels, the first bottleneck first. */
function profileMarkdown(result: CaseResult): string | undefined {
  const shares = kernelShares(result);
  if (!shares) return undefined;
  const { rows, total, step } = shares;
  const cells = rows.map(({ label, dispatches, milliseconds, share }) => [
    `\`${label.replaceAll('|', '\\|')}\``,
    String(dispatches),
    threeDigits(milliseconds),
    percent(share),
  ]);
  return (
    `${result.title}: a step takes ${threeDigits(step)} ms; its kernels, each timed by the GPU's clock as a pass of its own, ${threeDigits(total)} ms.\n\n` +
    table([['kernel', 'dispatches', 'ms', 'share'], ...cells])
  );
}

function comparisonTable(cases: readonly CaseResult[]): string {
  const isMemory = cases[0]?.suite === 'memory';
  const head = isMemory
    ? ['case', 'Formers, MB', 'against', 'MB', 'ratio', 'at most', '']
    : ['case', 'Formers', 'median', 'against', 'median', 'ratio', 'of bests', 'floor', '', 'differ by'];
  const rows = cases.flatMap((result) => {
    const absences = result.entries.filter(({ absent }) => absent !== undefined);
    const isCompared = ({ key }: EntryResult): boolean =>
      result.comparisons.some(({ of, to }) => of === key || to === key);
    const alone = result.entries.filter((entry) => entry.absent === undefined && !isCompared(entry));
    return [
      ...result.comparisons.map((comparison) => (isMemory ? memoryRow : speedRow)(result, comparison)),
      ...alone.map((entry) => [
        result.title,
        ...(isMemory ? [] : [entryName(entry, result.entries)]),
        isMemory ? megabytes(entry) : median(result, entry),
      ]),
      ...absences.map((entry) => [
        result.title,
        '',
        '',
        ...(isMemory ? [] : ['']).slice(0, 1),
        `${entryName(entry, result.entries)}: ${entry.absent}`,
      ]),
    ].map((row) => [...row, ...new Array<string>(head.length - row.length).fill('')]);
  });
  return table([head, ...rows]);
}

function speedRow(result: CaseResult, comparison: ComparisonResult): string[] {
  const { of, to, ratio, bestRatio, floor, reached } = comparison;
  const [mine, other] = [find(result, of), find(result, to)];
  const agreement = agreementOf(result, comparison);
  return [
    result.title,
    entryName(mine, result.entries),
    median(result, mine),
    entryName(other, result.entries),
    median(result, other),
    ratio.toFixed(2),
    bestRatio?.toFixed(2) ?? '',
    floor === undefined ? '' : String(floor),
    verdict(reached),
    agreement ? `${agreement.difference.toExponential(0)}${lossesText(agreement)}` : '',
  ];
}

function memoryRow(result: CaseResult, { of, to, ratio, ceiling, reached }: ComparisonResult): string[] {
  const [mine, other] = [find(result, of), find(result, to)];
  return [
    result.title,
    megabytes(mine),
    other?.label ?? '',
    megabytes(other),
    ratio.toFixed(2),
    ceiling === undefined ? '' : String(ceiling),
    verdict(reached),
  ];
}

function megabytes(entry: EntryResult | undefined): string {
  return entry?.addedMegabytes?.toFixed(0) ?? '';
}

function find({ entries }: CaseResult, key: string): EntryResult | undefined {
  return entries.find((entry) => entry.key === key);
}

/** The median and its rate, and how often it was measured where that isn't the usual number. */
function median({ unit }: CaseResult, entry: EntryResult | undefined): string {
  if (entry?.median === undefined) return '';
  const { median, rate, peakShare, steps = 0 } = entry;
  const speed =
    rate === undefined || unit === undefined
      ? ''
      : `, ${threeDigits(rate)} ${unit}${peakShare === undefined ? '' : `, ${percent(peakShare)} of the peak`}`;
  return `${threeDigits(median)} ms${speed}${steps < EFFORTS.full.steps ? ` (${steps} steps)` : ''}`;
}

function verdict(reached: boolean | undefined): string {
  return reached === undefined ? '' : reached ? 'reached' : 'not reached';
}

/** Cells padded as the formatter has them. */
function table(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const [first = [], ...others] = rows;
  return [line(first), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...others.map(line)].join('\n');
}
