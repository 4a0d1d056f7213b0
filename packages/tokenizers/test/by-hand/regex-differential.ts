// Compares the regex matcher with what regex-differential.py wrote: node regex-differential.ts OUTPUT.jsonl
import { readFileSync } from 'node:fs';
import type { FindMatches } from '../../src/pre-tokenizers/split.ts';
import { regexMatcher } from '../../src/regex/matcher.ts';

const matchers = new Map<string, FindMatches>();
let total = 0;
const different = new Map<string, number>();
for (const line of readFileSync(process.argv[2] ?? '', 'utf8')
  .split('\n')
  .filter(Boolean)) {
  const { pattern, text, replaced }: { pattern: string; text: string; replaced: string } = JSON.parse(line);
  total++;
  const found = replaceAll(pattern, text);
  if (found === replaced) continue;
  const count = different.get(pattern) ?? 0;
  if (count === 0)
    console.log(
      `${pattern} in ${JSON.stringify(text)}\n  ours       ${JSON.stringify(found)}\n  Oniguruma  ${JSON.stringify(replaced)}`,
    );
  different.set(pattern, count + 1);
}
console.log(
  `${total} texts, ${[...different.values()].reduce((sum, count) => sum + count, 0)} different, in ${different.size} patterns`,
);

function replaceAll(pattern: string, text: string): string {
  try {
    const find = matchers.get(pattern) ?? regexMatcher(pattern);
    matchers.set(pattern, find);
    const matches = find(text);
    let result = '';
    let last = 0;
    for (let index = 0; index < matches.length; index += 2) {
      result += `${text.slice(last, matches[index])}⟦⟧`;
      last = matches[index + 1] ?? 0;
    }
    return result + text.slice(last);
  } catch (error) {
    return String(error);
  }
}
