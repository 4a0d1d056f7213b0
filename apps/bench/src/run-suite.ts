import { rm } from 'node:fs/promises';
import path from 'node:path';

import type { CaseResult } from './harness/cases.ts';
import { ProcessPool } from './harness/process-pool.ts';
import { type Effort, runCase } from './harness/run-case.ts';
import type { Hello, TrainTask } from './harness/tasks.ts';
import type { Suite } from './options.ts';
import { INFER_LENGTHS, INFER_MODELS, inferCases } from './suites/infer.ts';
import type { Lineup } from './suites/lineup.ts';
import { matmulCases } from './suites/matmul.ts';
import { measureMemoryOf, memoryCase } from './suites/memory.ts';
import { opsCases } from './suites/ops.ts';
import { trainCases, wantedSizes, writeTraining } from './suites/train.ts';
import { type NamedSize, TRAIN_SIZES } from './suites/train-sizes.ts';
import { writeModel } from './suites/write-model.ts';

/** What a suite needs of its command. */
export interface SuiteContext {
  readonly line: Lineup;
  readonly effort: Effort;
  /** Where weights and batches go; emptied as it goes. */
  readonly folder: string;
  /** What each process said of itself, by contestant; filled. */
  readonly hellos: Map<string, Hello>;
  /** Told of what takes long and isn't measured, and of what isn't there. */
  readonly onNote: (text: string) => void;
}

/** Runs the cases of a suite one after another. */
export async function* runSuite(suite: Suite, context: SuiteContext): AsyncGenerator<CaseResult> {
  await using pool = new ProcessPool();
  try {
    yield* SUITE_RUNS[suite](context, pool);
  } finally {
    for (const [id, hello] of pool.hellos) context.hellos.set(id, hello);
  }
}

type SuiteRun = (context: SuiteContext, pool: ProcessPool) => AsyncGenerator<CaseResult>;

const SUITE_RUNS: Readonly<Record<Suite, SuiteRun>> = {
  async *matmul({ line, effort }, pool) {
    for (const benchCase of matmulCases(line).filter(isWanted(line)))
      yield await runCase(benchCase, { pool, effort, suite: 'matmul' });
  },
  async *ops({ line, effort }, pool) {
    for (const benchCase of opsCases(line).filter(isWanted(line)))
      yield await runCase(benchCase, { pool, effort, suite: 'ops' });
  },
  async *train(context, pool) {
    const { line, effort } = context;
    for (const [name, named] of wantedSizes(line)) {
      const folder = path.join(context.folder, `train-${name}`);
      const cases = trainCases(line, { name, named, task: { suite: 'train', folder, ...named.size } }).filter(
        isWanted(line),
      );
      if (cases.length === 0) continue;
      await writeTraining(named.size, { maker: line.formers(1), pool, folder });
      for (const benchCase of cases) {
        yield await runCase(benchCase, { pool, effort, suite: 'train' });
        await pool.stopAll();
      }
      await rm(folder, { recursive: true });
    }
  },
  async *infer(context, pool) {
    const { line, effort, onNote } = context;
    const isOnnxToo = line.options.peers.some((peer) => peer === 'ort-web' || peer === 'ort-node');
    for (const model of INFER_MODELS) {
      const folder = path.join(context.folder, model);
      const cases = inferCases(line, { model, folder }).filter(isWanted(line));
      if (cases.length === 0) continue;
      const length = INFER_LENGTHS[model];
      await writeModel(model, { folder, length, maker: line.formers(1), isOnnxToo, pool, onNote });
      for (const benchCase of cases) yield await runCase(benchCase, { pool, effort, suite: 'infer' });
      await pool.stopAll();
      await rm(folder, { recursive: true });
    }
  },
  async *memory({ line, folder }, pool) {
    const write = (name: string, named: NamedSize): Promise<TrainTask> =>
      writeTraining(named.size, { maker: line.formers(1), pool, folder: path.join(folder, `memory-${name}`) });
    const warmUp = await write('warm-up', TRAIN_SIZES['tiny'] as NamedSize);
    for (const [name, named] of wantedSizes(line).filter(([name]) => isWanted(line)({ name }))) {
      const task = await write(name, named);
      yield await measureMemoryOf(memoryCase(line, { name, named, task }), pool);
      if (named.floors)
        yield await measureMemoryOf(memoryCase(line, { name: `${name} warm`, named, task, warmUp }), pool);
      await rm(task.folder, { recursive: true });
    }
  },
};

function isWanted({ options: { only } }: Lineup): (named: { readonly name: string }) => boolean {
  return ({ name }) => only === undefined || name.toLowerCase().includes(only.toLowerCase());
}
