import { describe, expect, test } from 'vitest';

import {
  describeOptions,
  type OptionSpecs,
  parseOptions,
  resumedConfig,
  trainingConfig,
  UsageError,
} from '../src/index.ts';

const SPECS = {
  numLayers: { kind: 'whole', least: 1, help: 'layers' },
  rate: { kind: 'number', least: 0, below: 1, help: 'a rate' },
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
    [['--rate', 'fast'], '--rate must be a number from 0 below 1, got "fast"'],
    [['--engine', 'gpu'], '--engine must be one of simd, cpu, got "gpu"'],
    [['--engine'], '--engine'],
    [['--json=yes'], '--json'],
    [['stray'], '"stray" is no option'],
  ])('%j is refused', (args, message) => {
    expect(() => parseOptions(args, SPECS)).toThrow(UsageError);
    expect(() => parseOptions(args, SPECS)).toThrow(message);
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

  test('a resume may change the steps, and nothing that makes the run', () => {
    const saved = { numLayers: 2, rate: 0.1, steps: 10 };
    expect(resumedConfig(saved, { numLayers: 2, steps: 20 }, SPECS)).toEqual({ ...saved, steps: 20 });
    expect(() => resumedConfig(saved, { numLayers: 3 }, SPECS)).toThrow(
      '--num-layers is 2 in the run to resume, got 3',
    );
  });
});
