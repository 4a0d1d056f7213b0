import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { cpu, useBackend } from '@formers/backend';
import { square, sum, tensor2d, variable } from '@tensorflow/tfjs-core';
import { describe, expect, onTestFinished, test } from 'vitest';

import {
  createOptimizer,
  describeOptions,
  metricsLine,
  type OptionSpecs,
  OPTIMIZERS,
  parseOptions,
  readOptionFile,
  resumedConfig,
  resumedSession,
  scheduleOf,
  sessionOf,
  trainingConfig,
  UsageError,
} from '../src/index.ts';

const SPECS = {
  numLayers: { kind: 'whole', least: 1, help: 'layers' },
  rate: { kind: 'number', least: 0, below: 1, help: 'a rate' },
  share: { kind: 'number', above: 0, below: 1, help: 'a share' },
  engine: { kind: 'text', among: ['simd', 'cpu'], help: 'where' },
  text: { kind: 'texts', help: 'files' },
  json: { kind: 'flag', help: 'as JSON' },
} as const satisfies OptionSpecs;

describe('parseOptions', () => {
  test('reads every kind; words after a list belong to it', () => {
    expect(parseOptions(['--num-layers', '3', '--rate=0.5', '--json', '--text', 'a', 'b'], SPECS)).toEqual({
      numLayers: 3,
      rate: 0.5,
      json: true,
      text: ['a', 'b'],
    });
  });

  test('words without a flag, where a command takes them', () => {
    const specs = { files: { kind: 'words', help: 'files' }, json: SPECS.json } as const;
    expect(parseOptions(['a.png', '--json', 'b.png'], specs)).toEqual({ files: ['a.png', 'b.png'], json: true });
    expect(describeOptions(specs)).toContain('<files> ...');
  });

  test.each<[string[], string]>([
    [['--num-layer', '3'], '--num-layer'],
    [['--num-layers', '0'], '--num-layers must be a whole number from 1, got "0"'],
    [['--num-layers', '2.5'], '--num-layers must be a whole number from 1, got "2.5"'],
    [['--rate', '1'], '--rate must be a number from 0 below 1, got "1"'],
    [['--num-layers', '-3'], '--num-layers must be a whole number from 1, got "-3"'],
    [['--rate', '-.5'], '--rate must be a number from 0 below 1, got "-.5"'],
    [['--share', '0'], '--share must be a number above 0 and below 1, got "0"'],
    [
      ['--engine', '--json'],
      '--engine needs a value; one that starts with a dash is written --engine=-...; see --help',
    ],
    [['--rate', 'fast'], '--rate must be a number from 0 below 1, got "fast"'],
    [['--engine', 'gpu'], '--engine must be one of simd, cpu, got "gpu"'],
    [['--engine'], '--engine needs a value; see --help'],
    [['--json=yes'], '--json takes no value; see --help'],
    [['stray'], '"stray" is no option'],
  ])('%j is refused', (args, message) => {
    expect(() => parseOptions(args, SPECS)).toThrow(UsageError);
    expect(() => parseOptions(args, SPECS)).toThrow(message);
  });
});

describe('readOptionFile', () => {
  const read = async (text: string): Promise<unknown> => {
    const folder = await mkdtemp(path.join(tmpdir(), 'formers-options-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(path.join(folder, 'run.json'), text);
    return readOptionFile(path.join(folder, 'run.json'), SPECS);
  };

  test('takes options, and the run.json of a run', async () => {
    expect(await read('{"numLayers": 3, "text": ["a"]}')).toEqual({ numLayers: 3, text: ['a'] });
    expect(await read('{"family": "gpt", "numLayers": 3, "session": {"json": true}}')).toEqual({
      numLayers: 3,
      json: true,
    });
  });

  test.each([
    ['{"numLayers": -3}', 'run.json: numLayers must be a whole number from 1, got -3'],
    ['{"json": "yes"}', 'run.json: json must be true or false, got "yes"'],
    ['{"num-layers": 3}', 'run.json: there is no option "num-layers"; here it is spelt "numLayers"'],
    ['{"layers": 3}', 'run.json: there is no option "layers"'],
    ['[]', 'run.json: must be an object of options'],
    ['{', 'run.json: is not JSON'],
  ])('%s is refused', async (text, message) => {
    const error: unknown = await read(text).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toContain(message);
  });
});

describe('the config of a run', () => {
  test('what is not given follows from what is', () => {
    expect(trainingConfig({ learningRate: 0.01, steps: 50 })).toMatchObject({
      learningRate: 0.01,
      minLearningRate: 0.001,
      warmupSteps: 5,
      steps: 50,
    });
  });

  test('other optimizers have other rates, unless told', () => {
    expect(trainingConfig({ optimizer: 'lion' })).toMatchObject({ learningRate: 2e-4, minLearningRate: 2e-5 });
    expect(trainingConfig({ optimizer: 'sgd' }, { learningRate: 2e-3, minLearningRate: 1e-5 })).toMatchObject({
      learningRate: 0.1,
      minLearningRate: 5e-4,
    });
    expect(trainingConfig({ optimizer: 'lion', learningRate: 3e-4 }).learningRate).toBe(3e-4);
  });

  test('the schedule of the Transformer reaches its peak after the warm-up, and falls with the root of the step', () => {
    const rate = scheduleOf({
      schedule: 'noam',
      learningRate: 1e-3,
      minLearningRate: 1e-4,
      warmupSteps: 100,
      steps: 1000,
    });
    expect(rate(49)).toBeCloseTo(5e-4, 12);
    expect(rate(99)).toBeCloseTo(1e-3, 12);
    expect(rate(399)).toBeCloseTo(5e-4, 12);
  });

  test('a resume may change the steps, and nothing that makes the run', () => {
    const saved = { numLayers: 2, rate: 0.1, steps: 10 };
    expect(resumedConfig(saved, { numLayers: 2, steps: 20 }, SPECS)).toEqual({ ...saved, steps: 20 });
    expect(() => resumedConfig(saved, { numLayers: 3 }, SPECS)).toThrow(
      '--num-layers is 2 in the run to resume, got 3',
    );
    expect(() => resumedConfig(saved, { text: ['a'] }, SPECS)).toThrow(
      '--text is not set in the run to resume, got ["a"]',
    );
  });
});

describe('metricsLine', () => {
  test('shares in percent, losses to four places, other numbers to three', () => {
    expect(metricsLine({ loss: 1.23456, masked_accuracy: 0.09853, bits_per_character: 2.1, explained: 0.5 })).toBe(
      'loss 1.2346  masked accuracy 9.85 %  bits per character 2.100  hidden pixels explained 50.00 %',
    );
  });
});

describe('how a run saves and evaluates', () => {
  test('holds after a resume, unless it is told otherwise', () => {
    const session = sessionOf({ saveEvery: 20, patience: 3, ...{ quiet: true, out: 'runs/first' } });
    expect(session).toEqual({ saveEvery: 20, patience: 3 });
    expect(resumedSession({ patience: 5 }, { session })).toEqual({ saveEvery: 20, patience: 5 });
    expect(resumedSession({ patience: 5 }, {})).toEqual({ patience: 5 }); // of a run of before
  });
});

describe('createOptimizer', () => {
  const config = { ...trainingConfig({ learningRate: 0.1, warmupSteps: 0, schedule: 'constant' }), weightDecay: 0 };

  test.each(OPTIMIZERS)('%s goes down a bowl, by the class of its name', async (optimizer) => {
    await useBackend(cpu());
    const weight = variable(tensor2d([[1, -2]]));
    using made = createOptimizer({ namedParameters: () => new Map([['weight', weight]]) }, { ...config, optimizer });
    expect(made.kind.toLowerCase()).toBe(optimizer);
    for (let i = 0; i < 5; i++) made.minimize(() => sum(square(weight)));
    const [x = 9, y = 9] = weight.dataSync();
    weight.dispose();
    expect(x * x + y * y).toBeLessThan(5);
  });
});
