import { describe, expect, test } from 'vitest';

import { defaultLabels, labelsFromHuggingFace, labelsToHuggingFace } from '../src/index.ts';

test('classes without names are numbered', () => {
  expect(defaultLabels(3)).toEqual(['LABEL_0', 'LABEL_1', 'LABEL_2']);
  expect(defaultLabels(0)).toEqual([]);
});

describe('from config.json', () => {
  test.each([
    [{ id2label: { 0: 'no', 1: 'yes' } }, ['no', 'yes']],
    [
      { id2label: { 10: 'k', 2: 'c', 1: 'b', 0: 'a', 3: 'd', 4: 'e', 5: 'f', 6: 'g', 7: 'h', 8: 'i', 9: 'j' } },
      ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k'],
    ],
    [{ id2label: { 0: 'only' }, num_labels: 5 }, ['only']],
    [{ num_labels: 3 }, ['LABEL_0', 'LABEL_1', 'LABEL_2']],
    [{ id2label: null, num_labels: 1 }, ['LABEL_0']],
    [{}, ['LABEL_0', 'LABEL_1']],
  ])('%o', (json, labels) => {
    expect(labelsFromHuggingFace(json)).toEqual(labels);
  });

  test.each([
    [{ id2label: { 0: 'a', 2: 'c' } }, 'the ids 0 to 1, got none for 1'],
    [{ id2label: { 1: 'a', 2: 'c' } }, 'the ids 0 to 1, got none for 0'],
    [{ id2label: { 0: 'a', 1: 7 } }, 'got none for 1'],
    [{ id2label: { '00': 'a' } }, 'got none for 0'],
    [{ num_labels: 2 ** 30 }, 'num_labels must be up to 1048576, got 1073741824'],
  ])('%o is refused', (json, message) => {
    expect(() => labelsFromHuggingFace(json)).toThrow(message);
  });
});

test('to config.json and back; the two that every config has are not written', () => {
  expect(labelsToHuggingFace(['no', 'yes'])).toEqual({ id2label: { 0: 'no', 1: 'yes' }, label2id: { no: 0, yes: 1 } });
  expect(labelsToHuggingFace(defaultLabels(2))).toEqual({});
  for (const labels of [
    ['a'],
    ['LABEL_0'],
    ['x', 'y', 'z'],
    defaultLabels(2),
    defaultLabels(3),
    ['LABEL_1', 'LABEL_0'],
  ])
    expect(labelsFromHuggingFace(labelsToHuggingFace(labels))).toEqual(labels);
});
