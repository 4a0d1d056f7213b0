import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { Row } from '@formers/data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { numberReport } from '../src/report/number-report.ts';
import { severalLabelsReport } from '../src/report/several-labels-report.ts';
import { problemTypeOf } from '../src/tasks/problem-type.ts';
import { runCli, runScript } from './support/run-cli.ts';
import { EXAMPLES, writeTinyModels } from './support/tiny-models.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'formers-problems-'));
  await writeTinyModels(path.join(folder, 'models'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Finished {
  /** Of the last evaluation. */
  readonly best: Readonly<Record<string, number>>;
  readonly report: Readonly<Record<string, unknown>>;
}

/** Trains on an example file, all of which is also what it is evaluated on. */
async function trained(name: string, data: string, ...more: string[]): Promise<Finished> {
  const file = data.includes(folder) ? data : path.join(EXAMPLES, data);
  const args = [
    ...['--task', 'text-classification', '--model', path.join(folder, 'models/bert')],
    ...['--data', file, '--validation-data', file, '--out', path.join(folder, name), '--json'],
    ...['--steps', '200', '--eval-every', '100', '--batch-size', '8', '--learning-rate', '0.005', '--engine', 'simd'],
  ];
  const { code, stdout, stderr } = await runCli([...args, ...more]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Finished;
}

async function piped(name: string, ...more: string[]): Promise<{ label: string; score: number }[][]> {
  const args = ['--engine', 'simd', '--task', 'text-classification', '--model', path.join(folder, name), '--json'];
  const { stdout, stderr } = await runScript('pipeline/src/main.ts', [...args, ...more]);
  expect(stderr).toBe('');
  const lines = stdout.trim().split('\n');
  return lines.map((line) => (JSON.parse(line) as { output: { label: string; score: number }[] }).output);
}

const configOf = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(path.join(folder, name, 'config.json'), 'utf8'));

describe('several labels', () => {
  it('are learned, and the pipeline says the same of each by a sigmoid', async () => {
    const { best, report } = await trained('topics', 'topics.jsonl');
    expect(best['f1']).toBeGreaterThan(0.8); // saying yes to everything has 0.56
    expect(report['labels']).toEqual(['money', 'politics', 'sport']);
    expect(await configOf('topics')).toMatchObject({
      problem_type: 'multi_label_classification',
      id2label: { 0: 'money', 1: 'politics', 2: 'sport' },
    });
    const lines = (await readFile(path.join(EXAMPLES, 'topics.jsonl'), 'utf8')).trim().split('\n');
    const rows = lines.map((line) => JSON.parse(line) as { text: string; labels: string[] });
    const found = await piped('topics', ...rows.map(({ text }) => text), '--top-k', '3');
    expect(found.every((labels) => labels.length === 3)).toBe(true);
    expect(found.some((labels) => labels.every(({ score }) => score > 0.5))).toBe(true); // no softmax
    let [hits, said, there] = [0, 0, 0];
    found.forEach((labels, i) => {
      const yes = labels.filter(({ score }) => score > 0.5).map(({ label }) => label);
      hits += yes.filter((label) => rows[i]?.labels.includes(label)).length;
      said += yes.length;
      there += rows[i]?.labels.length ?? 0;
    });
    expect((2 * hits) / (said + there)).toBeCloseTo(best['f1'] ?? 0, 10);
  });

  it('are counted one by one, all together, and text by text', () => {
    const { metrics, report } = severalLabelsReport({
      labels: ['a', 'b'],
      actual: [
        [1, 0],
        [1, 1],
        [0, 0],
        [0, 1],
      ],
      predicted: [
        [1, 0],
        [1, 0],
        [0, 0],
        [1, 1],
      ],
    });
    // a: 2 of 3 said are right and all 2 found; b: the 1 said is right and 1 of 2 found
    expect(metrics['f1']).toBeCloseTo((2 * 3) / (4 + 4), 12);
    expect(metrics['macro_f1']).toBeCloseTo((0.8 + 2 / 3) / 2, 12);
    expect(metrics['accuracy']).toBe(0.5);
    expect(report).toMatch(/^ +b +1\.000 +0\.500 +0\.667 +2$/m);
  });
});

describe('a number', () => {
  it('is learned, and the pipeline says it as it is', async () => {
    const { best, report } = await trained('stars', 'stars.csv', '--columns', 'label=stars');
    expect(best['mse']).toBeCloseTo(best['loss'] ?? 0, 4);
    expect(best['mse']).toBeLessThan(0.7); // the mean alone has 2.0
    expect(best['pearson']).toBeGreaterThan(0.8);
    expect(best['spearman']).toBeGreaterThan(0.7);
    expect(await configOf('stars')).toMatchObject({ problem_type: 'regression' });
    const [[one] = []] = await piped('stars', 'The best soup I ever had, and such kind people.');
    expect(one?.score).toBeCloseTo((report['predicted'] as number[])[0] ?? 0, 4);
  });

  it('is compared by mean square and correlations, unless all are the same', () => {
    const { metrics } = numberReport({ actual: [1, 2, 3], predicted: [2, 2, 5] });
    expect(metrics['mse']).toBeCloseTo(5 / 3, 12);
    expect(metrics['pearson']).toBeCloseTo(Math.sqrt(3) / 2, 12);
    expect(metrics['spearman']).toBeCloseTo(Math.sqrt(3) / 2, 12);
    expect(Object.keys(numberReport({ actual: [1, 2], predicted: [3, 3] }).metrics)).toEqual(['mse']);
  });
});

describe('what a column asks for', () => {
  const typeOf = (...values: unknown[]): string => {
    const rows = values.map((label, i) => new Row({ label }, `row ${i}`));
    return problemTypeOf({}, { rows, column: undefined });
  };

  it.each([
    [['a', 'b'], 'single_label_classification'],
    [[0, 1, 2], 'single_label_classification'],
    [['1', '2'], 'single_label_classification'],
    [['1.5', '2'], 'regression'],
    [[0.25, 3], 'regression'],
    [['1.5', 'two'], 'single_label_classification'],
    [[['a'], ['a', 'b']], 'multi_label_classification'],
    [['["a"]', '[]'], 'multi_label_classification'],
  ])('%j: %s', (values, type) => {
    expect(typeOf(...values)).toBe(type);
  });

  it('is what --problem-type says, if it says anything', async () => {
    const file = path.join(folder, 'whole.csv');
    await writeFile(file, 'text,label\na film,1\na soup,2\na lamp,3\n');
    const { best } = await trained('whole', file, '--problem-type', 'regression', '--steps', '1', '--eval-every', '1');
    expect(best['mse']).toBeGreaterThan(0);
    const words = path.join(folder, 'words.csv');
    await writeFile(words, 'text,labels\na film,art fun\na soup,food\na lamp,\n');
    const { report } = await trained(
      'words',
      words,
      ...['--problem-type', 'multi_label_classification', '--steps', '1', '--eval-every', '1'],
    );
    expect(report['labels']).toEqual(['art', 'food', 'fun']);
  });
});

describe('how weights are trained', () => {
  const weights = async (name: string): Promise<Map<string, string>> => {
    const { parseSafetensors } = await import('@formers/checkpoints');
    const { tensors } = parseSafetensors(await readFile(path.join(folder, name, 'model.safetensors')));
    return new Map([...tensors].map(([tensor, { bytes }]) => [tensor, Buffer.from(bytes).toString('base64')]));
  };
  const short = ['--steps', '6', '--eval-every', '3', '--learning-rate', '0.01'];

  it('--freeze base leaves all but the head and the pooler to the bit', async () => {
    await trained('frozen', 'sentiment.csv', ...short, '--freeze', 'base');
    const [after, before] = [await weights('frozen'), await weights('models/bert')];
    const moved = [...after].filter(([name, value]) => before.get(name) !== value).map(([name]) => name);
    expect(moved.toSorted()).toEqual([
      'bert.pooler.dense.bias',
      'bert.pooler.dense.weight',
      'classifier.bias',
      'classifier.weight',
    ]);
  });

  it('--layerwise-decay moves lower layers less', async () => {
    await trained('even', 'sentiment.csv', ...short, '--steps', '1', '--eval-every', '1');
    await trained(
      'decayed',
      'sentiment.csv',
      ...short,
      '--steps',
      '1',
      '--eval-every',
      '1',
      '--layerwise-decay',
      '0.5',
    );
    const { parseSafetensors, toFloat32 } = await import('@formers/checkpoints');
    const read = async (name: string): Promise<Float32Array> => {
      const { tensors } = parseSafetensors(await readFile(path.join(folder, name, 'model.safetensors')));
      const tensor = tensors.get('bert.encoder.layer.0.output.dense.bias');
      return tensor ? toFloat32(tensor) : new Float32Array();
    };
    const [start, even, decayed] = [await read('models/bert'), await read('even'), await read('decayed')];
    const distance = (after: Float32Array): number =>
      Math.hypot(...after.map((value, i) => value - (start[i] as number)));
    expect(distance(even)).toBeGreaterThan(0);
    expect(distance(decayed) / distance(even)).toBeCloseTo(0.5, 3);
  });

  it('--gradient-checkpointing gives the same bits', async () => {
    await trained('plain', 'sentiment.csv', ...short);
    await trained('recomputed', 'sentiment.csv', ...short, '--gradient-checkpointing');
    expect(await weights('recomputed')).toEqual(await weights('plain'));
  });

  it('--ema-decay keeps the averages as the best model', async () => {
    const averaged = await trained('averaged', 'sentiment.csv', ...short, '--ema-decay', '0.5');
    const [model, last] = [await weights('averaged'), await weights('averaged/checkpoint-6')];
    expect(last).toEqual(await weights('plain/checkpoint-6'));
    expect(model.get('classifier.weight')).not.toBe(last.get('classifier.weight'));
    // the folder has the weights that were evaluated: trained no further they say the same
    const { best } = await trained(
      'evaluated',
      'sentiment.csv',
      ...['--model', path.join(folder, 'averaged'), '--steps', '1', '--eval-every', '1', '--learning-rate', '0'],
    );
    expect(best['loss']).toBeCloseTo(averaged.best['loss'] ?? 0, 5);
  });

  it('--label-smoothing trains, and is not part of what is evaluated', async () => {
    const still = ['--steps', '1', '--eval-every', '1', '--learning-rate', '0'];
    const plain = await trained('sharp', 'sentiment.csv', ...still);
    const smooth = await trained('smooth', 'sentiment.csv', ...still, '--label-smoothing', '0.4');
    expect(smooth.best['loss']).toBe(plain.best['loss']);
  });
});

describe('one clear line and exit code 1', () => {
  const csv = path.join(EXAMPLES, 'sentiment.csv');
  it.each<[string, string[], RegExp]>([
    [
      'a pattern of no weights',
      ['--data', csv, '--freeze', 'decoder'],
      /--freeze decoder: no weights match; .* such as bert\./,
    ],
    ['a pattern of all weights', ['--data', csv, '--freeze', '.'], /nothing would be left to train/],
    ['no pattern', ['--data', csv, '--freeze', '('], /--freeze must be base or a regular expression, got "\("/],
    ['adapters that are frozen', ['--data', csv, '--lora', '--freeze', 'base'], /--freeze is for whole models/],
    ['adapters that are averaged', ['--data', csv, '--lora', '--ema-decay', '0.9'], /--ema-decay is for whole models/],
    [
      'rates that grow',
      ['--data', csv, '--layerwise-decay', '1.5'],
      /--layerwise-decay must be .* at most 1, got 1\.5/,
    ],
    [
      'smoothed numbers',
      ['--data', path.join(EXAMPLES, 'stars.csv'), '--columns', 'label=stars', '--label-smoothing', '0.1'],
      /--label-smoothing is for one class per text, not for regression/,
    ],
    [
      'words for numbers',
      ['--data', csv, '--problem-type', 'regression'],
      /row 1: column "label" must be a number, got "positive"/,
    ],
    [
      'a task without such types',
      ['--data', csv, '--problem-type', 'regression', '--task', 'causal-lm'],
      /--problem-type is for --task text-classification/,
    ],
  ])('%s', async (_, args, message) => {
    const model = ['--task', 'text-classification', '--model', path.join(folder, 'models/bert')];
    const { code, stdout, stderr } = await runCli([...model, ...args]);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });
});
