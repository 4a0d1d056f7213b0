import { describe, expect, it } from 'vitest';

import { answerReport } from '../src/report/answer-report.ts';
import { classReport } from '../src/report/class-report.ts';
import { tagReport } from '../src/report/tag-report.ts';
import { writingReport } from '../src/report/writing-report.ts';

describe('reports', () => {
  it('of classes tell actual from predicted ones', () => {
    const { metrics, report, details } = classReport({
      labels: ['cat', 'dog'],
      actual: [0, 0, 0, 1],
      predicted: [0, 0, 1, 1],
    });
    expect(metrics['accuracy']).toBe(0.75);
    expect(metrics['macro_f1']).toBeCloseTo((0.8 + 2 / 3) / 2, 12);
    const confusion = [
      [2, 1],
      [0, 1],
    ];
    expect(details).toEqual({ labels: ['cat', 'dog'], confusion });
    expect(report).toMatch(/^ +cat +1\.000 +0\.667 +0\.800 +3$/m);
  });

  it('of tags count whole entities, where tags stand for them', () => {
    const named = tagReport({ labels: ['B-A', 'O'], actual: [[0, 1]], predicted: [[0, 0]] });
    expect(named.metrics).toEqual({ accuracy: 0.5, precision: 0.5, recall: 1, f1: 2 / 3 });
    expect(named.report).toContain('all: 1 entities, precision 0.500, recall 1.000, F1 0.667');
    const parts = tagReport({ labels: ['NOUN', 'VERB'], actual: [[0, 1]], predicted: [[0, 0]] });
    expect(Object.keys(parts.metrics)).toEqual(['accuracy', 'macro_f1']);
  });

  it('of answers tell found from right ones', () => {
    const { metrics, report } = answerReport([
      { question: 'Who?', answers: ['The old man.', 'x'], found: 'old man' },
      { question: 'What?', answers: ['grey round stone'], found: 'the stone' },
      { question: 'When?', answers: [], found: '' },
      { question: 'Why?', answers: [], found: 'something' },
    ]);
    expect(metrics['exact_match']).toBe(0.5);
    expect(metrics['f1']).toBeCloseTo((1 + 1 / 2 + 1 + 0) / 4, 12);
    expect(report).toContain('What?\n  found "the stone"\n  right "grey round stone"');
  });

  it('of what was written tell it from what was wanted', () => {
    const { metrics, report } = writingReport([
      { source: 'two', target: 'eins zwei drei vier fünf ', written: 'eins zwei drei vier fünf' },
      { source: 'one', target: 'das', written: 'dies' },
    ]);
    expect(metrics['exact_match']).toBe(0.5);
    expect(metrics['bleu']).toBeCloseTo(100 * (5 / 6) ** 0.25, 10); // of 6 words 5 are right, and all longer runs
    expect(metrics['chrf']).toBeGreaterThan(80);
    expect(report).toContain('one\n  written "dies"\n  wanted  "das"');
  });
});
