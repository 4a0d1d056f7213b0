import { ConfigError } from '@formers/backend';
import { expect, test } from 'vitest';

import { type NameRow, storedNames } from '../src/index.ts';

const TABLE: readonly NameRow[] = [
  ['tokens.weight', 'wte.weight'],
  ['layers.{i}.attention.weight', 'h.{i}.attn.c_attn.weight', 'transpose'],
  ['experts.{i}.layers.{i}.bias', 'e.{i}.{i}.bias'],
];

test('renames, counts and transposes', () => {
  const names = storedNames(
    ['tokens.weight', 'layers.0.attention.weight', 'layers.12.attention.weight', 'experts.3.layers.4.bias'],
    TABLE,
  );
  expect([...names]).toEqual([
    ['tokens.weight', { name: 'wte.weight', transpose: false }],
    ['layers.0.attention.weight', { name: 'h.0.attn.c_attn.weight', transpose: true }],
    ['layers.12.attention.weight', { name: 'h.12.attn.c_attn.weight', transpose: true }],
    ['experts.3.layers.4.bias', { name: 'e.3.4.bias', transpose: false }],
  ]);
});

test('digits within words are no numbers', () => {
  expect(() => storedNames(['norm1.weight'], [['norm{i}.weight', 'ln.{i}']])).toThrow(ConfigError);
  expect(storedNames(['norm1.weight'], [['norm1.weight', 'ln_1.weight']]).get('norm1.weight')?.name).toBe(
    'ln_1.weight',
  );
});

test('a path that the table does not know is told', () => {
  expect(() => storedNames(['tokens.bias'], TABLE)).toThrow(
    new ConfigError('storedNames: no checkpoint name is known for the parameter tokens.bias'),
  );
});

test('two parameters of one name are told', () => {
  const table: readonly NameRow[] = [
    ['a.{i}', 'x.{i}'],
    ['b.{i}', 'x.{i}'],
  ];
  expect(() => storedNames(['a.1', 'b.1'], table)).toThrow(
    new ConfigError('storedNames: two parameters are called x.1 in the checkpoint'),
  );
  expect(storedNames(['a.1', 'b.2'], table).size).toBe(2);
});
