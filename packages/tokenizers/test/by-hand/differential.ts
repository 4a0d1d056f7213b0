// Compares this package with what make-differential.py wrote: node differential.ts TOKENIZERS_FOLDER OUTPUT_FOLDER
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Encoding, Tokenizer } from '../../src/index.ts';
import { codePointOffsets } from '../helpers/fixtures.ts';

interface Part {
  ids: number[];
  tokens: string[];
  offsets: [number, number][];
  words: (number | null)[];
  types: number[];
  special: number[];
  attention: number[];
  sequences: (number | null)[];
}

interface Row extends Part {
  text: string;
  pair?: string;
  error?: string;
  overflowing: Part[];
  decoded: string;
}

const [source = '', results = ''] = process.argv.slice(2);
let total = 0;
let different = 0;
for (const file of readdirSync(results).filter((name) => name.endsWith('.jsonl'))) {
  const name = file.replace('.jsonl', '');
  const tokenizer = Tokenizer.fromJson(readFileSync(join(source, name, 'tokenizer.json'), 'utf8'));
  const rows = readFileSync(join(results, file), 'utf8').split('\n').filter(Boolean);
  let here = 0;
  for (const line of rows) {
    const row: Row = JSON.parse(line);
    const problem = compare(tokenizer, row);
    if (problem && here++ < 5) console.log(`${name}: ${JSON.stringify(row.text)}\n  ${problem}`);
  }
  console.log(`${name}: ${rows.length} strings, ${here} different`);
  total += rows.length;
  different += here;
}
console.log(`${total} strings, ${different} different`);

function compare(tokenizer: Tokenizer, row: Row): string | undefined {
  let found: Partial<Row>;
  try {
    const encoding = tokenizer.encode(row.text, row.pair === undefined ? {} : { pair: row.pair });
    found = {
      ...describe(encoding, row),
      overflowing: encoding.overflowing.map((part) => describe(part, row)),
      decoded: tokenizer.decode(encoding.ids),
    };
  } catch (error) {
    return row.error === undefined ? String(error) : undefined;
  }
  if (row.error !== undefined) return `expected an error: ${row.error}`;
  for (const [key, value] of Object.entries(found)) {
    const [ours, theirs] = [value, Object.entries(row).find(([name]) => name === key)?.[1]].map((list) =>
      JSON.stringify(list),
    );
    if (ours !== theirs) return `${key}\n   ours   ${ours}\n   Python ${theirs}`;
  }
  return undefined;
}

function describe(encoding: Encoding, { text, pair = '' }: Row): Part {
  const converted = [text, pair].map((source) => codePointOffsets(source, encoding.offsets));
  return {
    ids: [...encoding.ids],
    tokens: [...encoding.tokens],
    offsets: encoding.sequenceIds.map((sequence, index) => converted[sequence ?? 0]?.[index] ?? [-1, -1]),
    words: encoding.wordIds,
    types: [...encoding.typeIds],
    special: [...encoding.specialTokensMask],
    attention: [...encoding.attentionMask],
    sequences: encoding.sequenceIds,
  };
}
