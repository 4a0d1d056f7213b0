import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ConfigError } from '@formers/backend';
import { memory, tensor1d } from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  Batches,
  type Collator,
  evaluationBatches,
  maskedLanguageModel,
  openRows,
  StreamBatches,
  type TensorBatch,
  tensorBatch,
} from '../src/index.ts';
import { problemOf, rowsOf, withoutLeaks, wordPiece } from './helpers.ts';

withoutLeaks();

type Numbers = TensorBatch<{ numbers: ReturnType<typeof tensor1d> }>;
/** Hands examples on, each with a random number. */
const plain: Collator<number, Numbers> = {
  identity: 'plain',
  collate(examples, draws) {
    const numbers = examples.flatMap((example, row) => [example, draws.stream('plain', row).integer(1000)]);
    return tensorBatch({ numbers: tensor1d(numbers, 'int32') }, { step: draws.step, tokens: examples.length });
  },
};
const numbersOf = (batch: Numbers): number[] => [...batch.numbers.dataSync()];
const take = (batch: Numbers): number[] => {
  const numbers = numbersOf(batch);
  batch.dispose();
  return numbers;
};
const counting = (length: number): number[] => Array.from({ length }, (_, i) => i);

describe('Batches', () => {
  it('uses each example once per pass, across the edges of batches, in another order each time', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(1000),
        (count, batchSize, seed) => {
          const steps = Math.ceil((3 * count) / batchSize);
          const seen: number[] = [];
          for (const batch of new Batches(counting(count), { collator: plain, batchSize, seed, steps }))
            seen.push(...numbersOf(batch).filter((_, i) => i % 2 === 0));
          const passes = [0, 1, 2].map((pass) => seen.slice(pass * count, (pass + 1) * count));
          for (const pass of passes) expect(pass.toSorted((a, b) => a - b)).toEqual(counting(count));
          if (count > 12) expect(new Set(passes.map(String)).size).toBe(3);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('makes any batch by itself, and goes on from a state as if nothing had been', () => {
    const options = { collator: plain, batchSize: 4, seed: 7 };
    const whole = counting(12).map((step) => take(new Batches(counting(10), options).at(step)));
    const jumping = new Batches(counting(10), options);
    for (const step of [11, 0, 5, 4, 9]) expect(take(jumping.at(step))).toEqual(whole[step]);
    const stopped = new Batches(counting(10), { ...options, steps: 5 });
    for (const batch of stopped) void batch;
    const saved: unknown = JSON.parse(JSON.stringify(stopped.state));
    const resumed = new Batches(counting(10), { ...options, steps: 12, state: saved as typeof stopped.state });
    const rest: number[][] = [];
    for (const batch of resumed) rest.push(numbersOf(batch));
    expect(rest).toEqual(whole.slice(5));
  });

  it('refuses a state of other data, seed or objective, and numbers that are none', () => {
    const options = { collator: plain, batchSize: 4 };
    const { state } = new Batches(counting(10), options);
    const problem = (examples: number[], other: object): string =>
      problemOf(() => new Batches(examples, { ...options, ...other, state }));
    expect(problem(counting(10), {})).toBe('none');
    expect(problem([1, ...counting(9)], {})).toMatch(/^state: the state is of other batches: checksum was/);
    expect(problem(counting(10), { seed: 1 })).toContain('seed was 0, is 1');
    expect(problem(counting(10), { collator: { ...plain, identity: 'other' } })).toContain(
      'objective was plain, is other',
    );
    expect(problemOf(() => new Batches([], options))).toBe('empty: Batches: there are no examples');
    for (const wrong of [{ batchSize: 0 }, { steps: -1 }, { seed: 0.5 }])
      expect(() => new Batches(counting(3), { ...options, ...wrong })).toThrow(ConfigError);
  });

  it('keeps the order without shuffle', () => {
    const batches = new Batches(counting(5), { collator: plain, batchSize: 3, shuffle: false });
    expect(take(batches.at(1)).filter((_, i) => i % 2 === 0)).toEqual([3, 4, 0]);
    expect(batches.stepsPerEpoch).toBe(2);
  });

  it('lets examples of similar length share batches, each still once per pass', () => {
    const lengthOf = (example: number): number => (example * 37) % 101;
    const options = { collator: plain, batchSize: 4, seed: 2, lengthOf };
    const batches = new Batches(counting(600), options);
    const passes = [0, 1].map((pass) =>
      counting(150).map((step) => take(batches.at(150 * pass + step)).filter((_, i) => i % 2 === 0)),
    );
    for (const pass of passes) {
      expect(pass.flat().toSorted((a, b) => a - b)).toEqual(counting(600));
      const spreads = pass.map((batch) => Math.max(...batch.map(lengthOf)) - Math.min(...batch.map(lengthOf)));
      expect(spreads.reduce((sum, spread) => sum + spread, 0) / 150).toBeLessThan(5); // 60 or so without
    }
    expect(passes[0]).not.toEqual(passes[1]);
    expect(take(new Batches(counting(600), options).at(77))).toEqual(take(batches.at(77)));
  });

  it('keeps examples of one length shuffled, and has the same order again from a seed and a state', () => {
    const options = { collator: plain, batchSize: 4, lengthOf: (example: number) => example % 2 };
    const orderOf = (seed: number, from = 0): number[][] => {
      const batches = new Batches(counting(40), { ...options, seed });
      return counting(20 - from).map((step) => take(batches.at(from + step)).filter((_, i) => i % 2 === 0));
    };
    const [first, second] = [orderOf(1).slice(0, 10).flat(), orderOf(1).slice(10).flat()] as [number[], number[]];
    const odd = counting(40).filter((i) => i % 2 === 1);
    for (const pass of [first, second]) {
      expect(pass.slice(0, 20).toSorted((a, b) => a - b)).toEqual(odd); // the longer ones come first
      expect(pass.slice(0, 20)).not.toEqual(odd); // by their numbers they would always be neighbours
    }
    expect(first).not.toEqual(second);
    expect(orderOf(2).flat()).not.toEqual([...first, ...second]);
    const stopped = new Batches(counting(40), { ...options, seed: 1, steps: 13 });
    for (const batch of stopped) void batch;
    const resumed = new Batches(counting(40), { ...options, seed: 1, steps: 20, state: stopped.state });
    const rest: number[][] = [];
    for (const batch of resumed) rest.push(numbersOf(batch).filter((_, i) => i % 2 === 0));
    expect(rest).toEqual(orderOf(1, 13));
  });

  it('masks the same texts otherwise in the next pass', () => {
    const examples = ['the quick brown fox', 'she sells sea shells by the sea shore'].map((text) =>
      wordPiece.encode(text),
    );
    const batches = new Batches(examples, {
      collator: maskedLanguageModel({ tokenizer: wordPiece }),
      batchSize: 2,
      shuffle: false,
    });
    const [one, two] = [0, 1].map((step) => {
      using batch = batches.at(step);
      return String(rowsOf(batch.ids));
    });
    expect(one).not.toBe(two);
  });

  it('draws for each example by its place, whatever the size of batches', () => {
    const drawn = (batchSize: number): number[] => {
      const batches = new Batches(counting(24), { collator: plain, batchSize, seed: 4 });
      return counting(24 / batchSize).flatMap((step) => take(batches.at(step)));
    };
    const [first, ...others] = [1, 2, 6, 24].map(drawn);
    for (const other of others) expect(other).toEqual(first);
  });

  it('disposes what it hands out, also when a loop is left', () => {
    const before = memory().numTensors;
    for (const batch of new Batches(counting(5), { collator: plain, batchSize: 2 })) {
      expect(memory().numTensors).toBe(before + 1);
      if (batch.step === 3) break;
    }
    expect(memory().numTensors).toBe(before);
  });
});

describe('evaluationBatches', () => {
  it('gives each example once, in order, the last batch smaller', () => {
    const seen: number[][] = [];
    for (const batch of evaluationBatches(counting(7), { collator: plain, batchSize: 3 }))
      seen.push(numbersOf(batch).filter((_, i) => i % 2 === 0));
    expect(seen).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    expect(problemOf(() => [...evaluationBatches([], { collator: plain, batchSize: 3 })])).toMatch(/^empty/);
  });
});

describe('StreamBatches', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'formers-stream-'));
    for (const [file, from, to] of [
      ['a', 0, 20],
      ['b', 20, 27],
      ['c', 27, 57],
    ] as const)
      await writeFile(
        join(folder, `${file}.jsonl`),
        counting(57)
          .slice(from, to)
          .map((number) => `{"number": ${number}}\n`)
          .join(''),
      );
  });
  afterAll(() => rm(folder, { recursive: true }));
  const open = async (options: object = {}): Promise<StreamBatches<number, Numbers>> =>
    new StreamBatches(await openRows(join(folder, '*.jsonl')), {
      collator: plain,
      encode: (row) => Number(row.get('number')),
      batchSize: 5,
      seed: 3,
      shuffleBuffer: 8,
      ...options,
    });
  const evens = (batches: readonly number[][]): number[] => batches.flat().filter((_, i) => i % 2 === 0);

  it('gives each row once per pass, in another order each time', async () => {
    await using batches = await open({ steps: 35 });
    const seen: number[][] = [];
    for await (const batch of batches) seen.push(numbersOf(batch));
    const passes = [0, 1, 2].map((pass) => evens(seen).slice(57 * pass, 57 * (pass + 1)));
    for (const pass of passes) expect(pass.toSorted((a, b) => a - b)).toEqual(counting(57));
    expect(new Set(passes.map(String)).size).toBe(3);
    expect(passes.some((pass) => (pass[0] ?? 0) >= 20)).toBe(true); // files change places
  });

  it('makes any batch by itself, and goes on from a state as if nothing had been', async () => {
    await using straight = await open({ steps: 30 });
    const whole: number[][] = [];
    for await (const batch of straight) whole.push(numbersOf(batch));
    await using jumping = await open();
    for (const step of [3, 25, 4, 0]) expect(take(await jumping.at(step))).toEqual(whole[step]);
    const [one, two] = await Promise.all([jumping.at(8), jumping.at(7)]); // at once
    expect([one, two].map(take)).toEqual([whole[8], whole[7]]);
    await using stopped = await open({ steps: 14 });
    for await (const batch of stopped) void batch;
    await using resumed = await open({ steps: 30, state: stopped.state });
    const rest: number[][] = [];
    for await (const batch of resumed) rest.push(numbersOf(batch));
    expect(rest).toEqual(whole.slice(14));
  });

  it('keeps the order of files and rows without shuffle', async () => {
    await using batches = await open({ shuffle: false, steps: 12 });
    const seen: number[][] = [];
    for await (const batch of batches) seen.push(numbersOf(batch));
    expect(evens(seen)).toEqual([...counting(57), 0, 1, 2]);
  });

  it('tells of a bad row, and can go on with others afterwards', async () => {
    const encode = (row: { where: string; get(column: string): unknown }): number => {
      const number = Number(row.get('number'));
      if (number === 30) throw new Error(`bad: ${row.where}`);
      return number;
    };
    await using batches = await open({ shuffle: false, encode });
    await expect(batches.at(6)).rejects.toThrow(`${join(folder, 'c.jsonl')}, line 4`);
    expect(take(await batches.at(0)).length).toBe(10);
  });

  it('refuses a state of other files, and files without rows', async () => {
    const { state } = await open();
    await expect(open({ state, shuffleBuffer: 9 })).rejects.toMatchObject({ code: 'state' });
    const empty = new StreamBatches(await openRows(new File(['\n\n'], 'x.jsonl')), {
      collator: plain,
      encode: () => 1,
      batchSize: 2,
    });
    await expect(empty.at(0)).rejects.toMatchObject({ code: 'empty' });
  });
});
