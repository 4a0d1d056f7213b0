import { ACTIVATIONS, ConfigError } from '@formers/backend';
import { expect, test } from 'vitest';

import { activationFromHuggingFace, activationToHuggingFace } from '../src/index.ts';

test('every activation has a Hugging Face name that leads back to it', () => {
  for (const activation of ACTIVATIONS)
    expect(activationFromHuggingFace(activationToHuggingFace(activation))).toBe(activation);
});

test.each([
  ['gelu_new', 'geluTanh'],
  ['gelu', 'gelu'],
  ['gelu_pytorch_tanh', 'geluTanh'],
  ['relu', 'relu'],
  ['swish', 'silu'],
  ['quick_gelu', 'quickGelu'],
  ['relu2', 'reluSquared'],
] as const)('%s is %s', (theirs, ours) => {
  expect(activationFromHuggingFace(theirs)).toBe(ours);
});

test('what is written: the names of Transformers', () => {
  expect(activationToHuggingFace('geluTanh')).toBe('gelu_new');
  expect(activationToHuggingFace('silu')).toBe('silu');
});

test.each(['GELU', '', 'toString', '__proto__', 'geglu'])('%j is refused', (name) => {
  expect(() => activationFromHuggingFace(name)).toThrow(ConfigError);
  expect(() => activationFromHuggingFace(name)).toThrow(`got ${JSON.stringify(name)}`);
});

test('the error names the key', () => {
  expect(() => activationFromHuggingFace('geglu', 'hidden_act')).toThrow(
    'config.json: hidden_act must be one of gelu, ',
  );
});
