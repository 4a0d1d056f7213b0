// Times the encoding of 1 MB (UTF-8) of one repeated character: node one-character.ts TOKENIZERS_FOLDER
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '../../src/index.ts';

const characters = {
  space: ' ',
  newline: '\n',
  tab: '\t',
  a: 'a',
  digit: '1',
  exclamation: '!',
  apostrophe: "'",
  emoji: '😀',
  'joined emoji': '👨\u200d',
  'combining accent': '\u0301',
  'a with accent': 'a\u0301',
  Hebrew: 'ש',
  Arabic: 'ع',
  'ligature of 18 letters': 'ﷺ',
  Han: '語',
  Hangul: '한',
  'lone surrogate': '\ud800',
  NUL: '\0',
  underscore: '▁',
};
const [source = ''] = process.argv.slice(2);
const size = 1_000_000;
let slowest = 0;
for (const name of readdirSync(source).filter((folder) => existsSync(join(source, folder, 'tokenizer.json')))) {
  const json = readFileSync(join(source, name, 'tokenizer.json'), 'utf8');
  const times = Object.entries(characters).map(([label, character]) => {
    const tokenizer = Tokenizer.fromJson(json); // with nothing remembered
    const text = character.repeat(Math.floor(size / new TextEncoder().encode(character).length));
    const start = performance.now();
    const { length } = tokenizer.encode(text, { truncation: false, padding: false });
    const milliseconds = Math.round(performance.now() - start);
    slowest = Math.max(slowest, milliseconds);
    return `${label} ${milliseconds} ms (${length})`;
  });
  console.log(`${name}: ${times.join(', ')}`);
}
console.log(`slowest: ${slowest} ms`);
