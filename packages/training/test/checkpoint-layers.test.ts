import { cpu, useBackend, valueAndGradients, withDropout } from '@formers/backend';
import { fill, memory, type Scalar, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { checkpointLayers, LoRA } from '../src/index.ts';
import { families } from './families.ts';
import { ToyModel } from './toy-model.ts';

beforeAll(() => useBackend(cpu()));

describe.each(Object.entries(families))('checkpointLayers: %s', (name, { create, loss }) => {
  it.each([false, true])('gives the same loss and gradients, with dropout; LoRA: %s', (withLoRA) => {
    using model = create();
    const ids = tensor2d([[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]], [2, 5], 'int32'); // prettier-ignore
    const targets = { gpt: ['queryKeyValue'], transformer: ['attention.queryKeyValue', 'selfAttention.queryKeyValue'] };
    const options = { targets: targets[name as keyof typeof targets] ?? ['value'], rank: 2, dropout: 0.1 };
    using lora = withLoRA ? new LoRA(model, options) : undefined;
    for (const [path, factor] of lora?.namedParameters() ?? [])
      if (path.endsWith('loraB')) tidy(() => factor.assign(fill(factor.shape, 0.5))); // zero at the start
    const trained = [...(lora ?? model).namedParameters().values()];
    const measure = (): Float32Array[] => {
      const run = (): Scalar => loss(model, ids);
      const { value, gradients } = withDropout({ seed: 3, step: 1, microBatch: 0 }, () =>
        valueAndGradients(run, trained),
      );
      const values = [value, ...gradients].map((tensor) => tensor.dataSync<'float32'>().slice());
      for (const tensor of [value, ...gradients]) tensor.dispose();
      return values;
    };
    const { numTensors } = memory();
    const plain = measure();
    {
      using _ = checkpointLayers(model);
      const again = measure();
      again.forEach((values, i) =>
        values.forEach((value, j) => expect(Math.abs(value - (plain[i]?.[j] as number))).toBeLessThan(1e-6)),
      );
      expect([...model.namedParameters().keys()].length).toBeGreaterThan(0); // the wrapper is no parameter
    }
    expect(measure()).toEqual(plain);
    expect(plain.slice(1).some((values) => values.some((value) => Math.abs(value) > 1e-5))).toBe(true);
    expect(memory().numTensors).toBe(numTensors);
    ids.dispose();
  });
});

describe('checkpointLayers', () => {
  it('keeps fewer tensors alive until the gradients', () => {
    using model = (families.gpt as (typeof families)['gpt']).create();
    const ids = tensor2d([[1, 2, 3, 4, 5]], [1, 5], 'int32');
    let alive = 0;
    const run = (): Scalar => {
      const value = families.gpt.loss(model, ids);
      alive = memory().numTensors;
      return value;
    };
    const measure = (): number => {
      const { value, gradients } = valueAndGradients(run, model.parameters());
      for (const tensor of [value, ...gradients]) tensor.dispose();
      return alive;
    };
    const plain = measure();
    using _ = checkpointLayers(model);
    expect(measure()).toBeLessThan(plain);
    ids.dispose();
  });

  it('refuses a model without layers', () => {
    using model = new ToyModel();
    expect(() => checkpointLayers(model)).toThrow('checkpointLayers: the model has no layers');
  });
});
