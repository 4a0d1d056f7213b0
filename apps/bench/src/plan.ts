import { installDawn } from '@formers/cli';

import type { CaseResult } from './harness/cases.ts';
import type { Peer } from './harness/contestants.ts';
import { ProcessPool } from './harness/process-pool.ts';
import { type Effort, EFFORTS, GPU_EFFORT } from './harness/run-case.ts';
import type { GPUInfo, Hello } from './harness/tasks.ts';
import {
  type BenchOptions,
  GPU_SUITE_PEERS,
  GPU_SUITES,
  type GPUSuite,
  type Suite,
  SUITE_PEERS,
  SUITES,
  UsageError,
} from './options.ts';
import { runSuite } from './run-suite.ts';
import { gpuLineup } from './suites/gpu/gpu-lineup.ts';
import { runGPUSuite } from './suites/gpu/run-gpu-suite.ts';
import { lineup } from './suites/lineup.ts';

/** What suites share. */
export interface SharedContext {
  readonly folder: string;
  readonly hellos: Map<string, Hello>;
  readonly onNote: (text: string) => void;
}

/** What a command measures. */
export interface Plan {
  readonly suites: readonly string[];
  /** That the suites have and the options ask for. */
  readonly peers: readonly Peer[];
  /** What is measured, unless it is the processor. */
  readonly gpu?: GPUInfo;
  run(suite: string, context: SharedContext): AsyncGenerator<CaseResult>;
}

/** Suites on the processor. */
export function cpuPlan(options: BenchOptions): Plan {
  const suites = options.suite === 'report' ? SUITES : [options.suite as Suite];
  return {
    suites,
    peers: options.peers.filter((peer) => suites.some((suite) => SUITE_PEERS[suite].includes(peer))),
    run: (suite, context) => runSuite(suite as Suite, { ...context, line: lineup(options), effort: effortOf(options) }),
  };
}

/** Suites on the GPU of this machine. @throws {@link UsageError} for a report on a GPU in software. */
export async function gpuPlan(options: BenchOptions, { onNote }: Pick<SharedContext, 'onNote'>): Promise<Plan> {
  const line = gpuLineup(options, { dawn: await installDawn({ onNote }) });
  await using pool = new ProcessPool();
  const { gpu } = (await pool.worker(line.ours)).hello;
  if (!gpu) throw new Error('the worker on the GPU must say which one it is');
  if (gpu.isSoftware && options.suite === 'report' && options.size !== 'tiny')
    throw new UsageError(
      `${gpu.name} is a GPU in software: its figures say nothing of any GPU, so nothing is measured and the README is left as it is; --size tiny tries the report out`,
    );
  onNote(
    gpu.isSoftware ? `${gpu.name} is a GPU in software: no figure below says anything of a GPU` : `on ${gpu.name}`,
  );
  const suites = options.suite === 'report' ? GPU_SUITES : [options.suite as GPUSuite];
  const size = options.size ?? (gpu.isSoftware ? 'tiny' : undefined);
  const effort = { ...effortOf(options), ...GPU_EFFORT };
  return {
    suites,
    peers: options.peers.filter((peer) => suites.some((suite) => GPU_SUITE_PEERS[suite].includes(peer))),
    gpu,
    run: (suite, context) => runGPUSuite(suite as GPUSuite, { ...context, line, effort, size }),
  };
}

function effortOf({ quick, suite, slowPeerSeconds }: BenchOptions): Effort {
  const effort = EFFORTS[quick ? 'quick' : suite === 'report' ? 'report' : 'full'];
  return slowPeerSeconds === undefined ? effort : { ...effort, slowPeerTime: slowPeerSeconds * 1000 };
}
