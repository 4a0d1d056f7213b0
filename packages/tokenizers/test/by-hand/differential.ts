// Compares this package with what make-differential.py wrote: node differential.ts TOKENIZERS_FOLDER OUTPUT_FOLDER
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '../../src/index.ts';
import { codePointOffsets } from '../helpers/fixtures.ts';

interface Row {
  text: string;
  error?: string;
  ids: number[];
  tokens: string[];
  offsets: [number, number][];
  words: (number | null)[];
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
    const encoding = tokenizer.encode(row.text);
    found = {
      ids: [...encoding.ids],
      tokens: [...encoding.tokens],
      offsets: codePointOffsets(row.text, encoding.offsets),
      words: encoding.wordIds,
      decoded: tokenizer.decode(encoding.ids),
    };
  } catch (error) {
    return row.error === undefined ? String(error) : undefined;
  }
  if (row.error !== undefined) return `expected an error: ${row.error}`;
  for (const key of ['ids', 'tokens', 'offsets', 'words', 'decoded'] as const) {
    const [mine, theirs] = [JSON.stringify(found[key]), JSON.stringify(row[key])];
    if (mine !== theirs) return `${key}\n   ours  ${mine}\n   Python ${theirs}`;
  }
  return undefined;
}
