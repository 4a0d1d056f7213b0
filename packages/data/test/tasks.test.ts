import { describe, expect, it } from 'vitest';

import { classificationItems, pairItems, pairLines, questionItems, readRows, Row, taggingItems } from '../src/index.ts';
import { problemOf } from './helpers.ts';

const rowsOf = (...values: Record<string, unknown>[]): Row[] =>
  values.map((value, i) => new Row(value, `x.csv, row ${i + 1}`));

describe('classificationItems', () => {
  it('gives names and ids of classes, from names or numbers, as text or not', () => {
    const named = classificationItems(rowsOf({ text: 'a', label: 'spam' }, { text: 'b', label: 'ham' }));
    expect(named.labels).toEqual(['ham', 'spam']);
    expect(named.items).toEqual([
      { text: 'a', label: 1, where: 'x.csv, row 1' },
      { text: 'b', label: 0, where: 'x.csv, row 2' },
    ]);
    const numbers = classificationItems(rowsOf({ sentence: 'a', label: '2' }, { sentence: 'b', label: 0n }));
    expect(numbers.labels).toEqual(['LABEL_0', 'LABEL_1', 'LABEL_2']);
    expect(numbers.items.map(({ label }) => label)).toEqual([2, 0]);
    const given = classificationItems(rowsOf({ review: 'a', stars: 'bad' }), {
      columns: { text: 'review', label: 'stars' },
      labels: ['good', 'bad'],
    });
    expect(given.items[0]?.label).toBe(1);
  });

  it('takes pairs, several labels and regression', () => {
    const pairs = classificationItems(rowsOf({ sentence1: 'a', sentence2: 'b', label: 0 }));
    expect(pairs.items[0]).toMatchObject({ text: 'a', pair: 'b' });
    const several = classificationItems(
      rowsOf({ text: 'a', labels: ['x', 'z'] }, { text: 'b', labels: 'y' }, { text: 'c', labels: [] }),
      {
        problemType: 'multi_label_classification',
      },
    );
    expect(several.items.map(({ label }) => label)).toEqual([
      Float32Array.of(1, 0, 1),
      Float32Array.of(0, 1, 0),
      Float32Array.of(0, 0, 0),
    ]);
    const scores = classificationItems(rowsOf({ text: 'a', label: '-1.5' }), { problemType: 'regression' });
    expect(scores.items[0]?.label).toBe(-1.5);
  });

  it.each([
    [[{ words: 'a', label: 1 }], 'column: x.csv, row 1: there is no column "text" or "sentence"'],
    [[{ text: 'a', label: 1 }, { label: 1 }], 'column: x.csv, row 2: there is no column "text", but "label"'],
    [[{ text: ' ', label: 1 }], 'column: x.csv, row 1: column "text" must be a text, got " "'],
    [[{ text: 'a', label: -1 }], 'label: x.csv, row 1: column "label" must be the name of a class or a whole number'],
    [[{ text: 'a', label: 0.5 }], 'label: x.csv, row 1'],
    [[{ text: 'a', label: 1e12 }], 'label: x.csv, row 1'],
    [[{ text: 'a', label: null }], 'label: x.csv, row 1'],
    [
      [
        { text: 'a', label: 'x' },
        { text: 'b', label: 1 },
      ],
      'label: labels must be all names or all numbers',
    ],
    [[], 'empty: there are no rows'],
  ])('refuses %j', (values, message) => {
    expect(problemOf(() => classificationItems(rowsOf(...values)))).toContain(message);
  });

  it('refuses labels beyond those given', () => {
    const problem = (label: unknown): string =>
      problemOf(() => classificationItems(rowsOf({ text: 'a', label }), { labels: ['no', 'yes'] }));
    expect(problem(2)).toBe(
      'label: x.csv, row 1: column "label" must be a whole number in [0, 2) or one of no, yes, got 2',
    );
    expect(problem('maybe')).toContain('got "maybe"');
    expect(problem(-1)).toContain('got -1');
    expect(problem('1')).toBe('none');
  });
});

describe('taggingItems', () => {
  it('takes lists, JSON and words with spaces between', () => {
    const { items, labels } = taggingItems(
      rowsOf(
        { tokens: ['New', 'York', '.'], ner_tags: ['B', 'I', 'O'] },
        { tokens: 'we went', ner_tags: 'O O' },
        { tokens: '["a"]', ner_tags: '["B"]' },
      ),
    );
    expect(labels).toEqual(['B', 'I', 'O']);
    expect(items.map(({ words, tags }) => [words, tags])).toEqual([
      [
        ['New', 'York', '.'],
        [0, 1, 2],
      ],
      [
        ['we', 'went'],
        [2, 2],
      ],
      [['a'], [0]],
    ]);
  });

  it('refuses unequal numbers, missing words and tags that there are not', () => {
    expect(problemOf(() => taggingItems(rowsOf({ tokens: ['a', 'b'], tags: ['X'] })))).toBe(
      'pair: x.csv, row 1: 2 words in "tokens" but 1 tags in "tags"',
    );
    expect(problemOf(() => taggingItems(rowsOf({ tokens: [], tags: [] })))).toContain('at least one word');
    expect(problemOf(() => taggingItems(rowsOf({ tokens: ['a', 3], tags: [0, 0] })))).toContain('a list of words');
    expect(problemOf(() => taggingItems(rowsOf({ tokens: 5, tags: [0] })))).toContain('must be a list, got 5');
    expect(problemOf(() => taggingItems(rowsOf({ tokens: ['a'], tags: [4] }), { labels: ['O'] }))).toMatch(
      /^label: x\.csv, row 1/,
    );
  });
});

describe('questionItems', () => {
  const context = '😀 Rome is the capital of Italy.';
  it('takes SQuAD, whose starts count characters, and plain columns', () => {
    const [squad] = questionItems(
      rowsOf({ id: 'q1', question: 'What?', context, answers: { text: ['Rome'], answer_start: [2] } }),
    );
    expect(squad).toMatchObject({ id: 'q1', answers: [{ text: 'Rome', start: 3 }] });
    const [plain] = questionItems(rowsOf({ question: 'What?', context, answer: 'Italy' }));
    expect(plain?.answers).toEqual([{ text: 'Italy', start: context.indexOf('Italy') }]);
    const [json] = questionItems(rowsOf({ question: 'What?', context, answers: '{"text": [], "answer_start": []}' }));
    expect(json?.answers).toEqual([]);
  });

  it('refuses answers that do not stand there', () => {
    const problem = (answers: unknown): string =>
      problemOf(() => questionItems(rowsOf({ question: 'What?', context, answers })));
    expect(problem({ text: ['Rome'], answer_start: [3] })).toMatch(
      /^label: x\.csv, row 1: column "answers" must be a text that stands in the context at 3/,
    );
    expect(problem({ text: ['Paris'], answer_start: [0] })).toMatch(/^label/);
    expect(problem('Paris')).toMatch(/^label/);
    expect(problem({ text: ['Rome'], answer_start: [] })).toBe(
      'pair: x.csv, row 1: column "answers" has 1 texts but 0 starts',
    );
    expect(problem({ text: 'Rome' })).toMatch(/^column/);
    expect(problem(7)).toMatch(/^column/);
  });
});

describe('pairItems', () => {
  it('takes the usual columns, and languages of a translation', () => {
    expect(pairItems(rowsOf({ document: 'long', summary: 'short' }))).toEqual([
      { source: 'long', target: 'short', where: 'x.csv, row 1' },
    ]);
    const rows = rowsOf({ translation: { en: 'one', de: 'eins' } });
    expect(pairItems(rows, { languages: { source: 'en', target: 'de' } })[0]).toMatchObject({
      source: 'one',
      target: 'eins',
    });
    expect(problemOf(() => pairItems(rows, { languages: { source: 'en', target: 'fr' } }))).toContain('a text in "fr"');
  });

  it('refuses a side that is missing', () => {
    expect(problemOf(() => pairItems(rowsOf({ source: 'a', target: 'b' }, { source: 'a', target: '' })))).toBe(
      'column: x.csv, row 2: column "target" must be a text, got ""',
    );
  });
});

describe('pairLines', () => {
  const lines = (name: string, text: string): Promise<Row[]> => readRows(new File([text], name));
  it('joins the lines of two files, and refuses files that do not fit together', async () => {
    const english = await lines('en.txt', 'one\ntwo\nthree\n');
    const german = await lines('de.txt', 'eins\nzwei\ndrei\n');
    expect(pairLines(english, german).map(({ source, target }) => [source, target])).toEqual([
      ['one', 'eins'],
      ['two', 'zwei'],
      ['three', 'drei'],
    ]);
    expect(problemOf(() => pairLines(english, german.slice(0, 2)))).toBe(
      'pair: pairLines: en.txt, line 3 has no line that belongs to it in de.txt, line 2',
    );
    expect(problemOf(() => pairLines(english.slice(0, 2), german))).toContain('de.txt, line 3 has no line');
    const gap = await lines('de.txt', 'eins\n\ndrei\nvier\n');
    expect(problemOf(() => pairLines(english, gap))).toMatch(
      /^pair: pairLines: en\.txt, line 2 has no line that belongs to it in de\.txt/,
    );
  });
});
