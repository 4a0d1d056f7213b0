import { describe, expect, it } from 'vitest';

import { describeOptions, trainingConfig, trainingOptions } from '../src/index.ts';

describe('trainingOptions', () => {
  it('tells the defaults that trainingConfig is given', () => {
    const defaults = { learningRate: 2e-3, minLearningRate: 1e-5, beta2: 0.98, weightDecay: 0.01, steps: 1500 };
    const help = describeOptions(trainingOptions(defaults));
    expect(help).toMatch(/--learning-rate .*\(default 0\.002; of lion a fifth/);
    expect(help).toMatch(/--min-learning-rate .*\(default 0\.00001\)/);
    expect(help).toMatch(/--beta2 .*\(default 0\.98\)/);
    expect(help).toMatch(/--weight-decay .*\(default 0\.01\)/);
    expect(help).toMatch(/--steps .*\(default 1500\)/);
    expect(trainingConfig({}, defaults)).toMatchObject(defaults);
  });

  it('tells those of all runs where a family has none of its own', () => {
    const help = describeOptions(trainingOptions({}));
    expect(help).toMatch(/--learning-rate .*\(default 0\.001;/);
    expect(help).toMatch(/--min-learning-rate .*\(default a tenth of the highest\)/);
    expect(help).toMatch(/--beta2 .*\(default 0\.99\)/);
    expect(help).toMatch(/--weight-decay .*\(default 0\.1\)/);
    const { learningRate, beta2, weightDecay } = trainingConfig({});
    expect({ learningRate, beta2, weightDecay }).toEqual({ learningRate: 1e-3, beta2: 0.99, weightDecay: 0.1 });
  });
});
