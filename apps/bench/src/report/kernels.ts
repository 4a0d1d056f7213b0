import type { CaseResult } from '../harness/cases.ts';
import type { KernelTime } from '../harness/tasks.ts';

/** The kernels of a profile, with their shares of all of them. */
export interface KernelShares {
  /** The longest first; the last one may stand for all others. */
  readonly rows: readonly (KernelTime & { readonly share: number })[];
  /** Milliseconds of all kernels. */
  readonly total: number;
  /** Milliseconds of the step without a clock at each kernel. */
  readonly step: number;
}

const MOST_ROWS = 15;

/** Shares of the longest kernels; undefined of a case that isn't a profile. */
export function kernelShares({ kernels, entries }: CaseResult): KernelShares | undefined {
  if (!kernels) return undefined;
  const total = kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const rest = kernels.slice(MOST_ROWS);
  const others: KernelTime = {
    label: `${rest.length} others`,
    dispatches: rest.reduce((sum, { dispatches }) => sum + dispatches, 0),
    milliseconds: rest.reduce((sum, { milliseconds }) => sum + milliseconds, 0),
  };
  const rows = [...kernels.slice(0, MOST_ROWS), ...(rest.length > 0 ? [others] : [])];
  return {
    rows: rows.map((row) => ({ ...row, share: row.milliseconds / total })),
    total,
    step: entries[0]?.median ?? Number.NaN,
  };
}
