import { describe, expect, it } from 'vitest';

import { cutText, folderNameOf } from '../src/corpus.ts';

describe('folderNameOf', () => {
  it.each([
    [['books/*.txt'], 'books'],
    [['texts/books/**/*.txt', 'more.txt'], 'books'],
    [['*.txt'], 'run'],
    [['../../*.txt'], 'run'],
    [['a/my book.v2.txt'], 'my-book.v2'],
    [['.hidden'], '.hidden'],
  ])('%j is %s', (text, name) => expect(folderNameOf({ text })).toBe(name));

  it('is the name of a data set where there are no files', () =>
    expect(folderNameOf({ dataset: 'moby-dick+sotu' })).toBe('moby-dick-sotu'));
});

describe('cutText', () => {
  it('keeps lines together, and all of the text', () => {
    const text = Array.from({ length: 300 }, (_, i) => `line ${i} of a text`).join('\n');
    const documents = cutText(text);
    expect(documents.join('')).toBe(text);
    expect(documents.length).toBe(3);
    for (const document of documents.slice(0, -1)) expect(document).toMatch(/ of a text\n$/);
  });

  it('cuts a line without end between words, and never within a character', () => {
    const words = cutText('whale '.repeat(5000));
    expect(words.join('')).toBe('whale '.repeat(5000));
    expect(words.length).toBe(15);
    for (const document of words) expect(document).toMatch(/^(whale )+$/);
    const characters = cutText('🐋'.repeat(5000));
    expect(characters.join('')).toBe('🐋'.repeat(5000));
    expect(characters.length).toBeGreaterThan(2);
    for (const document of characters) expect(document.isWellFormed()).toBe(true);
  });

  it('makes no document of nothing', () => {
    expect(cutText('')).toEqual([]);
    expect(cutText(' \n\n ')).toEqual([]);
  });
});
