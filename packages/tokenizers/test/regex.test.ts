import { describe, expect, test } from 'vitest';
import { TokenizerError } from '../src/index.ts';
import { findGpt2Words, gpt2Pattern } from '../src/pre-tokenizers/gpt2-pattern.ts';
import { regexMatcher } from '../src/regex/matcher.ts';
import { corpus } from './helpers/fixtures.ts';

const matches = (pattern: string, text: string): string[] => {
  const found = regexMatcher(pattern)(text);
  return Array.from({ length: found.length / 2 }, (_, index) => text.slice(found[2 * index], found[2 * index + 1]));
};

describe("what matches (expected values from Oniguruma, by Python's tokenizers)", () => {
  test.each([
    ['a|ab', 'abab', ['a', 'a']],
    ['(?:a|ab)(?:c|bcd)', 'abcd', ['abcd']],
    ['a+?b', 'aaab', ['aaab']],
    ['a*', 'baac', ['', 'aa', '']],
    ['x*', 'ab', ['', '', '']],
    ['(?i:straße|k)', 'K STRAßE', ['K', 'STRAßE']],
    ["(?i:'s)", "'S 'ſ", ["'S", "'ſ"]],
    ['(?i)a(?-i)b', 'Ab AB', ['Ab']],
    ['[^\\s\\p{L}\\p{N}]+', 'a,. b!😀1', [',.', '!😀']],
    ['\\p{^L}+', 'ab12c', ['12']],
    ['[a-z&&[^aeiou]]+', 'hello', ['h', 'll']],
    ['[[:alpha:]_]+', 'ab_1é', ['ab_', 'é']],
    ['^b', 'b\nb\n', ['b', 'b']],
    ['b$', 'b\nb', ['b', 'b']],
    ['\\Ab|b\\z', 'bbb', ['b', 'b']],
    ['a.c', 'abc a\nc', ['abc']],
    ['(?m:a.c)', 'abc a\nc', ['abc', 'a\nc']],
    ['\\bthe\\b', 'the other the', ['the', 'the']],
    ['(?<=a)b|(?<!a)c', 'abacc', ['b', 'c']],
    ['\\s+(?!\\S)|\\s+', 'a   b ', ['  ', ' ', ' ']],
    ['(?>a+)a|b', 'aaab', ['b']],
    ['a++a|b', 'aaab', ['b']],
    ['\\d{1,3}', '12345', ['123', '45']],
    ['a{2}?', 'aaa', ['aa', '']],
    ['a{,2}b', 'aaab', ['aab']],
    ['x{a}', 'x{a}', ['x{a}']],
    ['\\x41\\u0042\\x{1F600}\\t', 'AB😀\t', ['AB😀\t']],
    ['\\h+', 'fg0', ['f', '0']],
    ['(?#comment)a(?<name>b)', 'ab', ['ab']],
    ['😀+', '😀😀', ['😀😀']],
    ['.', '😀e\u0301', ['😀', 'e', '\u0301']],
    ['(?:(?:a*)*)*b', 'aab', ['aab']],
  ])('%s in %j', (pattern, text, expected) => {
    expect(matches(pattern, text)).toEqual(expected);
  });

  test('the scan for GPT-2 words is its pattern', () => {
    const text = `${corpus.join('')} it's  we'LL  \n\n\t x😀😀 ١٢٣ ½ \u3000\u200b é`;
    expect(findGpt2Words(text)).toEqual(regexMatcher(gpt2Pattern)(text));
  });
});

describe('patterns that take exponential or quadratic time elsewhere', () => {
  const length = 100_000;
  const a = 'a'.repeat(length);
  test.each([
    ['(a+)+$', `${a}!`],
    ['(a*)*b', a],
    ['(a|a)*b', a],
    ['(a|aa)+$', `${a}!`],
    ['([a-z]+)*\\d', a],
    ['a+b', a],
    ['a*a*a*a*b', a],
    ['(?:a?){30}a{30}b', a],
    ['(.*)*x', a],
    ['(\\w+\\s*)+:', a],
    ['\\s+$', `${' '.repeat(length)}x`],
    ['(?:\\s|\\n)+;', ' '.repeat(length)],
    ['^(([a-z])+.)+[A-Z]([a-z])+$', a],
    ['(?=(a+))b', a],
    ['(x+x+)+y', 'x'.repeat(length)],
  ])('%s ends, with matches or with an error of its own', (pattern, text) => {
    let outcome = 'matched';
    try {
      expect(regexMatcher(pattern)(text).every((bound) => bound <= text.length)).toBe(true);
    } catch (error) {
      outcome = TokenizerError.isInstance(error) ? error.code : 'other';
    }
    expect(['matched', 'regex']).toContain(outcome);
  });

  test('most of them are matched', () => {
    expect(matches('(a+)+$', 'a'.repeat(1000))).toEqual(['a'.repeat(1000)]);
    expect(matches('(a|aa)+$', `${'a'.repeat(1000)}!`)).toEqual([]);
    expect(matches('(a*)*b', 'aab')).toEqual(['aab']);
  });
});
