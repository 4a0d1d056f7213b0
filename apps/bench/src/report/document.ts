import type { CaseResult } from '../harness/cases.ts';
import type { GPUInfo } from '../harness/tasks.ts';
import type { Machine } from './machine.ts';

/** Everything that one command measured: what `--json` prints. */
export interface BenchDocument {
  /** ISO 8601. */
  readonly date: string;
  readonly machine: Machine;
  /** What was measured, unless it was the processor. */
  readonly gpu?: GPUInfo;
  /** PyTorch's device, in its words. */
  readonly cuda?: string;
  /** Of every program that took part. */
  readonly versions: Readonly<Record<string, string>>;
  /** What the engine made use of. */
  readonly features: string;
  readonly quick: boolean;
  readonly seconds: number;
  readonly cases: readonly CaseResult[];
  /** What was left out, and why. */
  readonly notes: readonly string[];
}

/** Whether something is wrong: results that don't agree, or ours failing. Slowness isn't, nor absent peers. */
export function wrongResults(cases: readonly CaseResult[]): string[] {
  return cases.flatMap(({ suite, title, entries, agreements }) => [
    ...entries
      .filter(({ label, absent }) => label.startsWith('Formers') && absent !== undefined)
      .map(({ label, absent }) => `${suite}, ${title}: ${label} failed: ${absent}`),
    ...agreements
      .filter(({ ok }) => !ok)
      .map(
        ({ of, with: other, difference }) =>
          `${suite}, ${title}: ${of} and ${other} differ by ${difference.toExponential(1)}`,
      ),
  ]);
}
