import { readFileSync } from 'node:fs';
import { ValueError } from '@formers/backend';
import { describe, expect, it } from 'vitest';

import {
  accuracy,
  answerScores,
  bleu,
  characterErrorRate,
  chrF,
  ConfusionMatrix,
  editDistance,
  entitiesOf,
  entityScores,
  pearson,
  perplexity,
  sequenceErrorRate,
  spearman,
  wordErrorRate,
} from '../src/index.ts';

type Means = [precision: number, recall: number, f1: number];
const golden = JSON.parse(readFileSync(new URL('fixtures/metrics.json', import.meta.url), 'utf8')) as {
  classes: ({ kinds: number; actual: number[]; predicted: number[]; matthews: number } & Record<
    'macro' | 'micro' | 'weighted',
    Means
  >)[];
  numbers: { a: number[]; b: number[]; pearson: number; spearman: number }[];
  entities: { actual: string[][]; predicted: string[][]; scores: Means };
  translations: { predicted: string[]; actual: string[][]; bleu: number; chrf: number }[];
};

describe('metrics against scikit-learn, scipy, seqeval and sacrebleu', () => {
  it.each(golden.classes)('$kinds classes', ({ kinds, actual, predicted, ...expected }) => {
    const labels = Array.from({ length: kinds }, (_, i) => `class ${i}`);
    const matrix = ConfusionMatrix.of(predicted, actual, { labels });
    expect(matrix.matthews).toBeCloseTo(expected.matthews, 12);
    expect(matrix.accuracy).toBeCloseTo(expected.micro[2], 12);
    expect(accuracy(predicted, actual)).toBe(matrix.accuracy);
    for (const kind of ['macro', 'weighted'] as const) {
      const { precision, recall, f1, support } = matrix.average(kind);
      expect(support).toBe(actual.length);
      [precision, recall, f1].forEach((score, i) => expect(score).toBeCloseTo(expected[kind][i] as number, 12));
    }
  });

  it.each(golden.numbers)('correlations', ({ a, b, ...expected }) => {
    expect(pearson(b, a)).toBeCloseTo(expected.pearson, 10);
    expect(spearman(b, a)).toBeCloseTo(expected.spearman, 10);
  });

  it('entities', () => {
    const { precision, recall, f1 } = entityScores(golden.entities.predicted, golden.entities.actual);
    [precision, recall, f1].forEach((score, i) => expect(score).toBeCloseTo(golden.entities.scores[i] as number, 12));
  });

  it.each(golden.translations)('translations: BLEU $bleu', ({ predicted, actual, ...expected }) => {
    expect(bleu(predicted, actual)).toBeCloseTo(expected.bleu, 9);
    expect(chrF(predicted, actual)).toBeCloseTo(expected.chrf, 9);
  });
});

describe('metrics by hand', () => {
  it('edits', () => {
    expect(editDistance(Array.from('kitten'), Array.from('sitting'))).toBe(3);
    expect(editDistance([], [1, 2])).toBe(2);
    expect(characterErrorRate(['kitten', 'a😀'], ['sitting', 'a😁'])).toBe((3 + 1) / (7 + 2));
    expect(wordErrorRate(['the  cat sat'], ['the cat sat down'])).toBe(1 / 4);
    expect(sequenceErrorRate([['K', 'AE']], [['K', 'AE', 'T']])).toBe(1 / 3);
  });

  it('answers, as SQuAD scores them', () => {
    expect(answerScores(['The Eiffel Tower!'], [['eiffel tower', 'a tower']])).toEqual({ exactMatch: 1, f1: 1 });
    expect(answerScores(['in Paris', 'x'], [['Paris, France'], ['']])).toEqual({ exactMatch: 0, f1: 0.25 });
    expect(answerScores(['', 'cat cat'], [[], ['cat']])).toEqual({ exactMatch: 0.5, f1: (1 + 2 / 3) / 2 });
  });

  it('entities begin with I, and end where the kind changes', () => {
    expect(entitiesOf(['I-PER', 'I-PER', 'B-PER', 'I-ORG', 'O', 'B-ORG'])).toEqual([
      { kind: 'PER', start: 0, end: 2 },
      { kind: 'PER', start: 2, end: 3 },
      { kind: 'ORG', start: 3, end: 4 },
      { kind: 'ORG', start: 5, end: 6 },
    ]);
    expect(() => entitiesOf(['PER'])).toThrow('entitiesOf: tags must be O, B-<kind> or I-<kind>, got "PER"');
  });

  it('a report', () => {
    const matrix = ConfusionMatrix.of([0, 1, 1, 1], [0, 0, 1, 1], { labels: ['ham', 'spam'] });
    expect(matrix.counts).toEqual([[1, 1], [0, 2]]); // prettier-ignore
    expect(matrix.toString()).toBe(
      [
        '    class  precis.   recall       F1 examples',
        '      ham    1.000    0.500    0.667        2',
        '     spam    0.667    1.000    0.800        2',
        '    macro    0.833    0.750    0.733        4',
        ' weighted    0.833    0.750    0.733        4',
        '',
        '  is \\ as      ham     spam',
        '      ham        1        1',
        '     spam        0        2',
      ].join('\n'),
    );
    expect(() => matrix.add(2, 0)).toThrow(ValueError);
  });

  it('the rest', () => {
    expect(perplexity(Math.log(7))).toBeCloseTo(7, 12);
    expect(() => accuracy([1], [])).toThrow(
      'accuracy: predictions and references must be as many, and one at least, got 1 and 0',
    );
    expect(bleu(['x y'], ['a b'])).toBe(0);
  });
});
