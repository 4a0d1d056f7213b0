import { readdir, rm } from 'node:fs/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { findCheckpoint, nodeFileSystem, type TrainerEvent } from '../src/index.ts';
import { type LossyDevice, useLossyEngine } from './lossy-engine.ts';
import type { ToyModel } from './toy-model.ts';
import { evaluate, loadToy, temporaryFolder, toyRun, type ToyRun, type ToyRunOptions } from './toy-run.ts';

/** What a run does with the device. */
const phases = ['forward', 'backward', 'update', 'read', 'evaluation', 'save'] as const;
type Phase = (typeof phases)[number] | 'other';

const saving = { saveEvery: 2, saveLimit: 2, evalEvery: 3 };
/** How many places of each phase are tried. */
const PLACES = 6;

describe('Trainer on a device that is lost', () => {
  let device: LossyDevice;
  let out = '';
  let phase: Phase = 'other';
  /** How often each phase uses the device in a run, and the weights that it ends with. */
  const uses = new Map<Phase, number>();
  let whole: Map<string, Float32Array>;

  beforeAll(async () => {
    device = await useLossyEngine();
    out = await temporaryFolder();
    device.isLostAt = (use) => {
      const at = phaseOf(use);
      uses.set(at, (uses.get(at) ?? 0) + 1);
      return false;
    };
    using run = await watched({ out });
    await collect(run);
    device.renew();
    whole = await readWeights(run.model);
    await rm(out, { recursive: true });
  });
  beforeEach(async () => {
    out = await temporaryFolder();
  });
  afterEach(async () => {
    device.renew();
    await rm(out, { recursive: true });
  });

  const phaseOf = (use: 'operation' | 'read'): Phase => (use === 'read' && phase === 'other' ? 'read' : phase);

  /** A run that says what it is doing. */
  async function watched(options: ToyRunOptions): Promise<ToyRun> {
    phase = 'other';
    const during = async <T>(name: Phase, work: () => Promise<T>): Promise<T> => {
      phase = name;
      const result = await work();
      phase = 'other';
      return result;
    };
    const run = await toyRun({
      ...saving,
      ...options,
      evaluate: () => during('evaluation', () => evaluate(run.model)),
      loss: (batch) => {
        phase = 'forward';
        const loss = run.model.loss(batch);
        phase = 'backward';
        return loss;
      },
    });
    const { optimizer } = run;
    const [step, state] = [optimizer.step.bind(optimizer), optimizer.state.bind(optimizer)];
    optimizer.step = (stepOptions) => {
      phase = 'update';
      const result = step(stepOptions);
      phase = 'other';
      return result;
    };
    optimizer.state = () => {
      phase = 'save'; // the first thing that a checkpoint needs
      return state();
    };
    return run;
  }

  async function collect({ trainer }: ToyRun, events: TrainerEvent[] = []): Promise<TrainerEvent[]> {
    for await (const event of trainer.run()) {
      if (event.type === 'checkpoint') phase = 'other';
      events.push(event);
    }
    return events;
  }

  /** Runs until the device is lost at its use number `at` of a phase: the error is the engine's, and nothing is half-written. Returns the last checkpoint that was told. */
  async function lose(at: number, { in: wanted, ...options }: ToyRunOptions & { in: Phase }): Promise<number> {
    let count = 0;
    device.isLostAt = (use) => phaseOf(use) === wanted && count++ === at;
    const events: TrainerEvent[] = [];
    using run = await watched({ out, ...options });
    const error: unknown = await collect(run, events).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: 'device-lost' });
    expect(error).toBe(device.lost);
    await expect(collect(run)).rejects.toMatchObject({ code: 'device-lost' }); // it does not go on with what is gone
    expect((await readdir(out)).filter((name) => name.startsWith('.'))).toEqual([]); // no lock, nothing half-written
    device.renew();
    return Math.max(0, ...events.filter(({ type }) => type === 'checkpoint').map(({ step }) => step));
  }

  /** The newest checkpoint is the last one told, and goes on to the same bits on another device. */
  async function checkRest(told: number): Promise<void> {
    const found = await findCheckpoint(out).catch(() => undefined);
    expect(found?.step ?? 0).toBe(told);
    using rest = await watched({ out, resume: found !== undefined });
    await collect(rest);
    expect(await readWeights(rest.model)).toEqual(whole);
  }

  it.each(phases)(
    'in %s: stops with that error, and goes on from the last checkpoint to the same bits',
    async (name) => {
      const count = uses.get(name) as number;
      expect(count).toBeGreaterThan(PLACES);
      for (let place = 0; place < PLACES; place++) {
        const told = await lose(Math.floor(((place + 0.5) * count) / PLACES), { in: name });
        await checkRest(told);
        await rm(out, { recursive: true });
      }
      await nodeFileSystem().makeFolder(out);
    },
  );

  it('twice, and while a checkpoint is loaded', async () => {
    const first = await lose(Math.floor((uses.get('forward') as number) / 2), { in: 'forward' });
    expect(first).toBeGreaterThan(0);
    const found = await findCheckpoint(out);
    {
      using run = await watched({ out });
      await loadToy(run.model, found.folder, nodeFileSystem());
      device.isLostAt = (use) => use === 'read';
      await expect(run.trainer.load(found)).rejects.toMatchObject({ code: 'device-lost' });
      device.renew();
      await run.trainer.load(found); // nothing had changed
      expect(run.trainer.step).toBe(first);
    }
    const second = await lose(20, { in: 'update', resume: true });
    await checkRest(Math.max(first, second));
  });
});

async function readWeights(model: ToyModel): Promise<Map<string, Float32Array>> {
  const reading = [...model.namedParameters()].map(
    async ([path, parameter]) => [path, await parameter.data<'float32'>()] as const,
  );
  return new Map(await Promise.all(reading));
}
