import { describe, expect, test } from 'vitest';

import { checkConfig, checkNumParameters, configFields } from '../src/index.ts';

const { size, rate, amount, id, optionalId, choice, activation, labels, problemType } = configFields;
const schema = {
  dim: size,
  dropout: rate,
  epsilon: amount,
  start: id,
  pad: optionalId,
  tied: choice,
  activation,
  labels,
  problemType,
};
const valid = {
  dim: 8,
  dropout: 0,
  epsilon: 0,
  start: -1,
  pad: undefined,
  tied: true,
  activation: 'gelu',
  labels: ['a'],
  problemType: undefined,
};

describe('checkConfig', () => {
  test('gives a valid config back', () => {
    expect(checkConfig('Config', valid, schema)).toEqual(valid);
    const other = { ...valid, dim: 2 ** 24, dropout: 0.999, pad: 5, problemType: 'regression', activation: 'relu' };
    expect(checkConfig('Config', other, schema)).toEqual(other);
  });

  test.each<[object, string]>([
    [{ dim: 0 }, 'Config: dim must be a whole number from 1 to 2^24, got 0'],
    [{ dim: 2 ** 24 + 1 }, 'Config: dim must be'],
    [{ dim: 1.5 }, 'Config: dim must be'],
    [{ dim: '8' }, 'Config: dim must be a whole number from 1 to 2^24, got "8"'],
    [{ dim: NaN }, 'Config: dim must be'],
    [{ dim: undefined }, 'Config: dim must be'],
    [{ dropout: 1 }, 'Config: dropout must be a number from 0 to below 1, got 1'],
    [{ dropout: -0.1 }, 'Config: dropout must be'],
    [{ epsilon: Infinity }, 'Config: epsilon must be a finite number of at least 0, got Infinity'],
    [{ epsilon: -1e-9 }, 'Config: epsilon must be'],
    [{ start: 0.5 }, 'Config: start must be a whole number, got 0.5'],
    [{ pad: null }, 'Config: pad must be a whole number, got null'],
    [{ tied: 1 }, 'Config: tied must be true or false, got 1'],
    [{ activation: 'sine' }, 'Config: activation must be one of identity, relu'],
    [{ labels: [] }, 'Config: labels must be at least one name'],
    [{ labels: ['a', 3] }, 'Config: labels.1 must be a name, got 3'],
    [{ problemType: 'ranking' }, 'Config: problemType must be one of regression'],
    [{ dimm: 8 }, 'Config: there is no option dimm'],
  ])('%o is refused', (change, message) => {
    expect(() => checkConfig('Config', { ...valid, ...change }, schema)).toThrow(message);
  });

  test('what is missing is asked for', () => {
    const { dim: _, ...rest } = valid;
    expect(() => checkConfig('Config', rest, schema)).toThrow('Config: dim must be given');
  });
});

test('models beyond 2³³ parameters are refused before they are made', () => {
  expect(() => checkNumParameters('Config', 2 ** 33)).not.toThrow();
  expect(() => checkNumParameters('Config', 2 ** 33 + 1)).toThrow(
    'Config: a model may have up to 8589934592 parameters, got about 8589934593',
  );
});
