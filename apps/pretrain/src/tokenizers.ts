import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { UsageError } from '@formers/cli';
import { Tokenizer, trainBpe, trainCharacters } from '@formers/tokenizers';

/**
 * Makes the tokenizer that was asked for.
 *
 * @param kind `char`: the characters of the whole text; `bpe`: learnt from the training part alone; else a path of a tokenizer.json.
 */
export async function createTokenizer(
  kind: string,
  { text, train, vocabSize }: { text: string; train: string; vocabSize: number },
): Promise<Tokenizer> {
  if (kind === 'char') return trainCharacters(text);
  if (kind === 'bpe') return trainBpe([train], { vocabSize });
  const json = await readFile(kind, 'utf8').catch(() => {
    throw new UsageError(`--tokenizer must be char, bpe or a tokenizer.json that can be read, got "${kind}"`);
  });
  return Tokenizer.fromJson(json);
}

/** What tells tokenizers apart: a run is resumed with the same one. */
export function tokenizerHash(tokenizer: Tokenizer): string {
  return createHash('sha256').update(JSON.stringify(tokenizer.toJson())).digest('hex');
}
