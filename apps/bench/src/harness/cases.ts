import type { Contestant } from './contestants.ts';
import type { KernelTime, Task } from './tasks.ts';

/** One thing that one contestant does in a case. */
export interface Entry {
  /** Names it inside of its case. */
  readonly key: string;
  readonly contestant: Contestant;
  readonly task: Task;
  /** Said beside the contestant's label, where a case has several tasks. */
  readonly variant?: string;
  /** How much work a step is, in the case's unit times milliseconds; makes rates of times. */
  readonly work?: number;
  /** In place of the case's, for who computes with lower precision; `none` where that can't be compared. */
  readonly tolerance?: number | 'none';
}

/** The speed of one entry as a multiple of another's, and what it must be at least. */
export interface Comparison {
  readonly of: string;
  readonly to: string;
  readonly floor?: number;
}

/** What is measured in one alternating run. */
export interface BenchCase {
  readonly name: string;
  readonly title: string;
  readonly entries: readonly Entry[];
  readonly comparisons: readonly Comparison[];
  /** Unit of the rates. */
  readonly unit?: string;
  /** What makes a step right; `none` where there is chance in it. Results are compared as shares of the largest number, losses as they are. */
  readonly check: { readonly of: 'results' | 'losses' | 'none'; readonly tolerance: number };
}

/** What came of one entry. */
export interface EntryResult {
  readonly key: string;
  readonly label: string;
  readonly variant?: string;
  readonly threads: number;
  /** Measurements that count. */
  readonly steps?: number;
  /** Milliseconds of a step. */
  readonly median?: number;
  readonly best?: number;
  /** In the case's unit, from the median. */
  readonly rate?: number;
  /** Of products on a GPU: the rate as a share of the device's float32 peak. */
  readonly peakShare?: number;
  /** Of `memory`: resident before the first step, and what steps added at most. */
  readonly idleMegabytes?: number;
  readonly addedMegabytes?: number;
  /** Why there is nothing. */
  readonly absent?: string;
}

/** What came of one comparison. */
export interface ComparisonResult {
  readonly of: string;
  readonly to: string;
  /** Ratio of the medians: above 1, `of` is faster than `to`. Of memory: what `of` adds as a multiple of `to`'s. */
  readonly ratio: number;
  /** Ratio of the bests. */
  readonly bestRatio?: number;
  readonly floor?: number;
  /** Of memory: the most that the ratio may be. */
  readonly ceiling?: number;
  readonly reached?: boolean;
}

/** How far two entries that should agree are apart. */
export interface Agreement {
  readonly of: string;
  readonly with: string;
  readonly difference: number;
  readonly tolerance: number;
  readonly ok: boolean;
  /** Of training: the losses of the last step that both made. */
  readonly lastLosses?: readonly [mine: number, other: number];
}

/** What came of a case. */
export interface CaseResult {
  readonly suite: string;
  readonly name: string;
  readonly title: string;
  readonly unit?: string;
  readonly entries: readonly EntryResult[];
  readonly comparisons: readonly ComparisonResult[];
  readonly checked: 'results' | 'losses' | 'none';
  readonly agreements: readonly Agreement[];
  /** Of `profile`: the kernels of one step, the longest first. */
  readonly kernels?: readonly KernelTime[];
}
