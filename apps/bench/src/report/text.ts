import type { Agreement, CaseResult, ComparisonResult, EntryResult } from '../harness/cases.ts';
import { kernelShares } from './kernels.ts';

/** A case as lines for a terminal. */
export function caseText(result: CaseResult): string {
  const { title, unit, entries, comparisons, checked, agreements } = result;
  const nameOf = (key: string): string =>
    entryName(
      entries.find((entry) => entry.key === key),
      entries,
    );
  const lines = [
    title,
    ...entries.map((entry) => `  ${entryName(entry, entries).padEnd(44)} ${figures(entry, unit)}`),
    ...comparisons.map((comparison) => {
      const agreement = agreementOf(result, comparison);
      const differ = agreement
        ? `; ${checked} differ by ${agreement.difference.toExponential(1)}${lossesText(agreement)}`
        : '';
      return `    ${nameOf(comparison.of)} against ${nameOf(comparison.to)}: ${ratioText(comparison)}${differ}`;
    }),
    ...kernelLines(result),
    ...agreements
      .filter(({ ok }) => !ok)
      .map(
        ({ of, with: other, difference, tolerance }) =>
          `    WRONG: ${checked} of ${nameOf(of)} and ${nameOf(other)} differ by ${difference.toExponential(1)}, not by at most ${tolerance.toExponential(0)}`,
      ),
  ];
  return `${lines.join('\n')}\n`;
}

/** The kernels of a profile, and how much of the step they are. */
function kernelLines(result: CaseResult): string[] {
  const shares = kernelShares(result);
  if (!shares) return [];
  const { rows, total, step } = shares;
  return [
    `  kernels take ${threeDigits(total)} ms of the GPU; the step, without a clock at each of them, ${threeDigits(step)} ms`,
    ...rows.map(
      ({ label, dispatches, milliseconds, share }) =>
        `    ${percent(share).padStart(6)}  ${threeDigits(milliseconds).padStart(6)} ms  ${String(dispatches).padStart(4)} x  ${label}`,
    ),
  ];
}

/** A share in words. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;
}

/** The losses of both at their last step, in brackets; nothing where there are none. */
export function lossesText({ lastLosses }: Agreement): string {
  return lastLosses ? ` (${lastLosses.map((loss) => loss.toFixed(4)).join(' and ')})` : '';
}

/** How far the two of a comparison are apart. */
export function agreementOf({ agreements }: CaseResult, { of, to }: ComparisonResult): Agreement | undefined {
  return agreements.find((each) => [each.of, each.with].every((key) => key === of || key === to));
}

/** An entry in words: with its threads where the case has several counts of them. */
export function entryName(entry: EntryResult | undefined, all: readonly EntryResult[]): string {
  if (!entry) return '?';
  const { label, threads, variant } = entry;
  const isMixed = new Set(all.map((other) => other.threads)).size > 1;
  return `${label}${isMixed ? ` (${threads})` : ''}${variant === undefined ? '' : `, ${variant}`}`;
}

/** A ratio, and what it must be. */
export function ratioText({ ratio, bestRatio, floor, ceiling, reached }: ComparisonResult): string {
  const parts = [`${ratio.toFixed(2)}x`, ...(bestRatio === undefined ? [] : [`(bests ${bestRatio.toFixed(2)}x)`])];
  const limit = floor === undefined ? (ceiling === undefined ? '' : `at most ${ceiling}x`) : `floor ${floor}x`;
  return limit === ''
    ? parts.join(' ')
    : `${parts.join(' ')}, ${limit}: ${reached === true ? 'reached' : 'not reached'}`;
}

function figures(
  { steps, median, best, rate, peakShare, addedMegabytes, idleMegabytes, absent }: EntryResult,
  unit?: string,
): string {
  if (absent !== undefined) return `absent: ${absent}`;
  if (addedMegabytes !== undefined && idleMegabytes === 0) return `takes ${addedMegabytes.toFixed(1)} MB`;
  if (addedMegabytes !== undefined)
    return `adds ${addedMegabytes.toFixed(0)} MB to ${(idleMegabytes ?? 0).toFixed(0)} MB`;
  if (median === undefined || best === undefined) return '';
  const speed = rate === undefined || unit === undefined ? '' : `  ${threeDigits(rate)} ${unit}`;
  const share = peakShare === undefined ? '' : `  ${percent(peakShare)} of the peak`;
  return `median ${threeDigits(median)} ms  best ${threeDigits(best)} ms  (${steps} steps)${speed}${share}`;
}

/** A number with three digits that say something. */
export function threeDigits(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value.toFixed(value >= 10 ? 1 : value >= 1 ? 2 : 3);
}
