import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  type BatchesState,
  causalLanguageModel,
  DataError,
  openRows,
  packedLanguageModel,
  type Row,
  StreamBatches,
  type StreamBatchesOptions,
  textPacker,
  windowPacker,
} from '../src/index.ts';
import { problemOf, rowsOf, withoutLeaks, wordPiece } from './helpers.ts';

withoutLeaks();

const ROWS = 60;
/** The ids of row n: 2 to 10 of them, all of them told apart from those of other rows. */
const idsOf = (row: number): number[] => Array.from({ length: 2 + ((row * 7) % 9) }, (_, i) => 10 * row + i);

describe('windowPacker', () => {
  it('cuts texts that lie end to end, so that each token but the first follows another one once', () => {
    const texts = [[1, 2, 3], [4], [5, 6, 7, 8, 9]].map((ids) => ({ ids: Int32Array.from(ids) }));
    const windows = windowPacker({ seqLen: 3, separatorId: 0 }).pack(texts);
    expect(windows.map(({ ids }) => [...ids])).toEqual([
      [1, 2, 3, 0],
      [0, 4, 0, 5],
      [5, 6, 7, 8],
    ]);
    expect(
      windowPacker({ seqLen: 4 })
        .pack(texts)
        .map(({ ids }) => [...ids]),
    ).toEqual([
      [1, 2, 3, 4, 5],
      [5, 6, 7, 8, 9],
    ]);
    expect(problemOf(() => windowPacker({ seqLen: 9 }).pack(texts))).toBe(
      'too-short: windowPacker: a window needs 10 tokens, 3 texts together have 9',
    );
  });
});

describe('StreamBatches with a packer', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'formers-packed-'));
    for (const [file, from, to] of [
      ['a', 0, 25],
      ['b', 25, ROWS],
    ] as const) {
      const lines = Array.from({ length: to - from }, (_, i) => `${JSON.stringify({ number: from + i })}\n`);
      await writeFile(join(folder, `${file}.jsonl`), lines.join(''));
    }
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** How many rows were encoded. */
  let encoded = 0;
  const encode = (row: Row): { ids: Int32Array } => {
    encoded++;
    return { ids: Int32Array.from(idsOf(Number(row.get('number')))) };
  };
  const common = { encode, batchSize: 3, seed: 5, shuffleBuffer: 8, packBuffer: 12 };
  type Options = Partial<StreamBatchesOptions<never, never>> & { state?: BatchesState };
  const packs = async (options: Options = {}) =>
    new StreamBatches(await openRows(join(folder, '*.jsonl')), {
      ...common,
      packer: textPacker<{ ids: Int32Array }>({ seqLen: 12 }),
      collator: packedLanguageModel({ seqLen: 12, padId: 999 }),
      ...options,
    });
  type Batches = Awaited<ReturnType<typeof packs>>;
  const take = async (batches: Batches, step: number): Promise<number[][]> => {
    using batch = await batches.at(step);
    return rowsOf(batch.ids);
  };
  const counting = (length: number): number[] => Array.from({ length }, (_, i) => i);

  it('has every text of a pass once, whole, and texts of a block together', async () => {
    await using batches = await packs();
    const texts: string[] = [];
    for (let step = 0; texts.length < 3 * ROWS; step++) {
      using batch = await batches.at(step);
      const segments = rowsOf(batch.segmentIds);
      for (const [row, ids] of rowsOf(batch.ids).entries())
        for (let segment = 1; segments[row]!.includes(segment); segment++)
          texts.push(String(ids.filter((_, i) => segments[row]![i] === segment)));
    }
    const all = counting(ROWS).map((row) => String(idsOf(row)));
    const passes = [0, 1, 2].map((pass) => texts.slice(pass * ROWS, (pass + 1) * ROWS));
    for (const pass of passes) expect(pass.toSorted()).toEqual(all.toSorted()); // 12 rows of a block divide 60
    expect(new Set(passes.map(String)).size).toBe(3);
  });

  it('makes any batch by itself, and goes on from a state exactly, without what came before being encoded', async () => {
    await using straight = await packs();
    const whole: number[][][] = [];
    for (const step of counting(40)) whole.push(await take(straight, step));
    expect(new Set(whole.map(String)).size).toBe(40);
    await using jumping = await packs();
    for (const step of [31, 2, 30, 0]) expect(await take(jumping, step)).toEqual(whole[step]);

    for (const stopAt of [1, 7, 23]) {
      await using stopped = await packs({ steps: stopAt });
      for await (const batch of stopped) void batch;
      const state = JSON.parse(JSON.stringify(stopped.state)) as BatchesState;
      await using resumed = await packs({ steps: 40, state });
      encoded = 0;
      const rest: number[][][] = [];
      for await (const batch of resumed) {
        rest.push(rowsOf(batch.ids));
        if (rest.length === 1) expect(encoded).toBeLessThanOrEqual(2 * common.packBuffer);
      }
      expect(rest).toEqual(whole.slice(stopAt));
    }
  });

  it('learns where batches are from another one, and makes the same', async () => {
    await using first = await packs();
    for (const step of counting(20)) await take(first, step);
    const place = JSON.parse(JSON.stringify(first.placeOf(20))) as Record<string, number>;
    expect(place['block']).toBeGreaterThan(3);
    const expected = await take(first, 20);
    await using second = await packs();
    second.goTo(place);
    encoded = 0;
    expect(await take(second, 20)).toEqual(expected);
    expect(encoded).toBeLessThanOrEqual(2 * common.packBuffer);
    expect(await take(second, 3)).toEqual(await take(first, 3)); // what lies before is made from the start
    expect(() => second.goTo({ block: -1, firstItem: 0 })).toThrow(DataError);
  });

  it('makes windows that are full, whatever the lengths of the rows', async () => {
    await using batches = new StreamBatches(await openRows(join(folder, '*.jsonl')), {
      ...common,
      encode: (row) => ({ ids: Int32Array.from(idsOf(Number(row.get('number'))), (id) => id % 50) }),
      packer: windowPacker({ seqLen: 10 }),
      collator: causalLanguageModel({ tokenizer: wordPiece }),
      steps: 25,
    });
    for await (const { ids, targets, tokens } of batches) {
      expect(ids.shape).toEqual([3, 10]);
      expect(tokens).toBe(30);
      const [read, wanted] = [rowsOf(ids), rowsOf(targets)];
      read.forEach((row, i) => expect(wanted[i]!.slice(0, -1)).toEqual(row.slice(1)));
    }
  });

  it('refuses a state of other packing, and blocks that fill no window', async () => {
    const { state } = await packs();
    await expect(packs({ state, packBuffer: 13 })).rejects.toThrow('packBuffer was 12, is 13');
    await expect(packs({ state: { ...state, block: 'x' } })).rejects.toMatchObject({ code: 'state' });
    const short = new StreamBatches(await openRows(join(folder, '*.jsonl')), {
      ...common,
      packer: windowPacker({ seqLen: 500 }),
      collator: causalLanguageModel({ tokenizer: wordPiece }),
    });
    await expect(short.at(0)).rejects.toMatchObject({ code: 'too-short' });
  });
});
