import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';

import type { CaseResult, EntryResult } from '../../harness/cases.ts';
import { ProcessPool } from '../../harness/process-pool.ts';
import { type Effort, runCase } from '../../harness/run-case.ts';
import { summarise } from '../../harness/statistics.ts';
import type { Hello, InferModel, TrainTask } from '../../harness/tasks.ts';
import { WorkerError } from '../../harness/worker-process.ts';
import type { GPUSuite } from '../../options.ts';
import { measureMemoryOf } from '../memory.ts';
import { writeTraining } from '../train.ts';
import { writeModel } from '../write-model.ts';
import { GPU_INFER_LENGTHS, GPU_PRODUCTS, gpuInferCases, gpuProductCases, gpuTrainCase } from './gpu-cases.ts';
import type { GPULineup } from './gpu-lineup.ts';
import { GPU_SIZES, type GPUSize } from './gpu-sizes.ts';

/** What a suite on the GPU needs of its command. */
export interface GPUSuiteContext {
  readonly line: GPULineup;
  readonly effort: Effort;
  /** The size that is wanted; undefined: all but the tiny one. */
  readonly size: string | undefined;
  /** Where weights and batches go; emptied as it goes. */
  readonly folder: string;
  /** What each process said of itself, by contestant; filled. */
  readonly hellos: Map<string, Hello>;
  readonly onNote: (text: string) => void;
}

/** Runs the cases of a suite one after another. */
export async function* runGPUSuite(suite: GPUSuite, context: GPUSuiteContext): AsyncGenerator<CaseResult> {
  await using pool = new ProcessPool();
  try {
    yield* SUITE_RUNS[suite](context, pool);
  } finally {
    for (const [id, hello] of pool.hellos) context.hellos.set(id, hello);
  }
}

type SuiteRun = (context: GPUSuiteContext, pool: ProcessPool) => AsyncGenerator<CaseResult>;

const SUITE_RUNS: Readonly<Record<GPUSuite, SuiteRun>> = {
  async *matmul(context, pool) {
    const { line, effort } = context;
    const cases = wanted(context, Object.keys(GPU_PRODUCTS)).flatMap((size) => gpuProductCases(line, size));
    const named = cases.filter(isWanted(context));
    if (named.length === 0) return;
    const peak = await peakCase(line, pool);
    yield peak;
    const [{ rate = Number.NaN } = {}] = peak.entries;
    for (const benchCase of named) yield withShares(await runCase(benchCase, { pool, effort, suite: 'matmul' }), rate);
  },
  async *train(context, pool) {
    for await (const { name, sized, task } of trainings(context, pool)) {
      const benchCase = gpuTrainCase(context.line, { name, sized, task });
      yield await runCase(benchCase, { pool, effort: context.effort, suite: 'train' });
      await pool.stopAll();
    }
  },
  async *infer(context, pool) {
    const { line, effort, onNote } = context;
    for (const model of wanted(context, Object.keys(GPU_INFER_LENGTHS)) as InferModel[]) {
      const folder = path.join(context.folder, model);
      const cases = gpuInferCases(line, { model, folder }).filter(isWanted(context));
      if (cases.length === 0) continue;
      const isOnnxToo = line.peers('ort-web', 'ort-node').length > 0;
      const { forward: length } = GPU_INFER_LENGTHS[model];
      await writeModel(model, { folder, pool, onNote, maker: line.maker, isOnnxToo, length });
      for (const benchCase of cases) yield await runCase(benchCase, { pool, effort, suite: 'infer' });
      await pool.stopAll();
      await rm(folder, { recursive: true });
    }
  },
  async *memory(context, pool) {
    const { line } = context;
    const onGPU = line.options.torchDevice === 'cuda' ? line.peers('torch', 'torch-mixed') : [];
    const peers = [line.half, ...onGPU.map(({ contestant }) => contestant)];
    for await (const { name, sized, task } of trainings(context, pool))
      yield await measureMemoryOf({ name, title: sized.title, task, ours: line.ours, peers }, pool);
  },
  async *profile(context, pool) {
    for await (const training of trainings(context, pool)) {
      yield await profileCase(context, training, pool);
      await pool.stopAll();
    }
  },
};

/** The wanted sizes, each with its weights and batches written while it is its turn. */
async function* trainings(
  context: GPUSuiteContext,
  pool: ProcessPool,
): AsyncGenerator<{ name: string; sized: GPUSize; task: TrainTask }> {
  for (const name of wanted(context, Object.keys(GPU_SIZES)).filter((name) => isWanted(context)({ name }))) {
    const sized = GPU_SIZES[name] as GPUSize;
    const folder = path.join(context.folder, `gpu-${name}`);
    await mkdir(folder, { recursive: true });
    yield { name, sized, task: await writeTraining(sized.size, { maker: context.line.maker, pool, folder }) };
    await rm(folder, { recursive: true });
  }
}

function wanted({ size }: GPUSuiteContext, sizes: readonly string[]): string[] {
  return sizes.filter((name) => (size === undefined ? name !== 'tiny' : name === size));
}

function isWanted({ line }: GPUSuiteContext): (named: { readonly name: string }) => boolean {
  const { only } = line.options;
  return ({ name }) => only === undefined || name.toLowerCase().includes(only.toLowerCase());
}

/** The most that the device does in float32, for anybody. @throws {@link WorkerError} when the engine doesn't start: nothing else would run then. */
async function peakCase({ ours }: GPULineup, pool: ProcessPool): Promise<CaseResult> {
  const { gigaflops, kernel, times } = await (await pool.worker(ours)).ask({ request: 'peak' });
  await pool.stop(ours);
  const { count, median, best } = summarise(times);
  return {
    suite: 'matmul',
    name: 'peak',
    title: 'float32 peak: multiply-adds on registers only',
    unit: 'GFLOP/s',
    entries: [
      {
        key: 'peak',
        label: 'a kernel of its own',
        variant: kernel,
        threads: 1,
        steps: count,
        median,
        best,
        rate: gigaflops,
      },
    ],
    comparisons: [],
    checked: 'none',
    agreements: [],
  };
}

/** Rates as shares of the float32 peak, of those who compute in float32 on the GPU. */
function withShares(result: CaseResult, peak: number): CaseResult {
  const share = (entry: EntryResult): EntryResult =>
    entry.rate === undefined || /bfloat16|torch-cpu/.test(entry.key)
      ? entry
      : { ...entry, peakShare: entry.rate / peak };
  return { ...result, entries: result.entries.map(share) };
}

/** Time by kernel of one step, beside the time of a step without a clock in it. */
async function profileCase(
  { line, effort }: GPUSuiteContext,
  { name, sized, task }: { name: string; sized: GPUSize; task: TrainTask },
  pool: ProcessPool,
): Promise<CaseResult> {
  const whole = gpuTrainCase({ ...line, peers: () => [] }, { name, sized, task });
  const benchCase = { ...whole, entries: whole.entries.slice(0, 1), comparisons: [] };
  const result = await runCase(benchCase, { pool, effort, suite: 'profile' });
  await pool.stopAll();
  try {
    const worker = await pool.worker(line.profiled);
    const { kernels } = await worker.ask({ request: 'profile', task, steps: Math.min(5, effort.steps) });
    return { ...result, kernels };
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error;
    const { id: key, label, threads } = line.profiled;
    const entry = { key, label, variant: 'with a clock at each kernel', threads, absent: error.message };
    return { ...result, entries: [...result.entries, entry] };
  }
}
