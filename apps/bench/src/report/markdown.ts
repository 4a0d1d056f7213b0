import type { CaseResult, ComparisonResult, EntryResult } from '../harness/cases.ts';
import { EFFORTS } from '../harness/run-case.ts';
import type { BenchDocument } from './document.ts';
import { agreementOf, entryName, lossesText, threeDigits } from './text.ts';

const TITLES: Readonly<Record<string, string>> = {
  matmul: 'Matrix products',
  ops: 'Single ops',
  train: 'Training steps of GPT-2',
  infer: 'Inference',
  memory: 'Memory that training steps add to an idle process',
};

/** The tables of the README: where, when and with what, then one table a suite. */
export function documentMarkdown({ date, machine, versions, features, seconds, cases, notes }: BenchDocument): string {
  const suites = [...new Set(cases.map(({ suite }) => suite))];
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `Measured on ${date.slice(0, 10)} in ${Math.ceil(seconds / 60)} min: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGigabytes} GB, ` +
      `${machine.system}; load before it ${machine.load.toFixed(2)}. ${programs.join(', ')}. Formers with ${features}.`,
    ...suites.map((suite) =>
      suiteMarkdown(
        suite,
        cases.filter((result) => result.suite === suite),
      ),
    ),
    ...(notes.length > 0 ? [`Left out:\n\n${notes.map((note) => `- ${note}`).join('\n')}`] : []),
  ].join('\n\n');
}

function suiteMarkdown(suite: string, cases: readonly CaseResult[]): string {
  const isMemory = suite === 'memory';
  const head = isMemory
    ? ['case', 'Formers, MB', 'against', 'MB', 'ratio', 'at most', '']
    : ['case', 'Formers', 'median', 'against', 'median', 'ratio', 'of bests', 'floor', '', 'differ by'];
  const rows = cases.flatMap((result) => {
    const absences = result.entries.filter(({ absent }) => absent !== undefined);
    return [
      ...result.comparisons.map((comparison) => (isMemory ? memoryRow : speedRow)(result, comparison)),
      ...absences.map((entry) => [
        result.title,
        '',
        '',
        ...(isMemory ? [] : ['']).slice(0, 1),
        `${entryName(entry, result.entries)}: ${entry.absent}`,
      ]),
    ].map((row) => [...row, ...new Array<string>(head.length - row.length).fill('')]);
  });
  return `### ${TITLES[suite] ?? suite}\n\n${table([head, ...rows])}`;
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
  const megabytes = (entry: EntryResult | undefined): string => entry?.addedMegabytes?.toFixed(0) ?? '';
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

function find({ entries }: CaseResult, key: string): EntryResult | undefined {
  return entries.find((entry) => entry.key === key);
}

/** The median and its rate, and how often it was measured where that isn't the usual number. */
function median({ unit }: CaseResult, entry: EntryResult | undefined): string {
  if (entry?.median === undefined) return '';
  const { median, rate, steps = 0 } = entry;
  const speed = rate === undefined || unit === undefined ? '' : `, ${threeDigits(rate)} ${unit}`;
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
