import { count, grouped, modelFolder, UsageError } from '@formers/cli';
import { splitItems, splitSentences } from '@formers/data';
import { type Encoding, Tokenizer } from '@formers/tokenizers';
import type { FoundCheckpoint } from '@formers/training';

import { FEWEST_DOCUMENTS, loadCorpus } from './corpus.ts';
import type { Learner } from './learners.ts';
import type { TextChoice } from './text-options.ts';

/** Share of the documents that are held out. */
const HELD_OUT = 0.1;

/** Which documents are held out doesn't depend on the run: models can be compared. */
const SPLIT_SEED = 0;

/** Characters that tokenizers are learnt from, at most: more makes them hardly better. */
const LEARNT_LENGTH = 2_000_000;

/** Documents of sentences as tokens, without special ones. */
export type Documents = readonly (readonly Encoding[])[];

/** A corpus as sentences, and its tokenizer. */
export interface EncodedCorpus {
  readonly name: string;
  readonly numCharacters: number;
  readonly tokenizer: Tokenizer;
  readonly train: Documents;
  /** Documents from everywhere in the corpus. */
  readonly heldOut: Documents;
}

/** Reads a corpus, holds documents out, and learns the tokenizer from the others; a resumed run has its tokenizer already. */
export async function encodeCorpus(
  { vocabSize, tokenizer: place, ...choice }: TextChoice & { vocabSize: number; tokenizer?: string },
  { checkpoint, learn }: { checkpoint: FoundCheckpoint | undefined; learn: Learner },
): Promise<EncodedCorpus> {
  const { name, documents, text } = await loadCorpus(choice);
  if (documents.length < FEWEST_DOCUMENTS)
    throw new UsageError(
      `${name}: ${count(documents.length, 'document')} of 2,000 characters or so: too little, ${FEWEST_DOCUMENTS} at least are needed`,
    );
  const { train, validation } = splitItems(documents, { validation: HELD_OUT, seed: SPLIT_SEED });
  const location = checkpoint?.folder ?? place;
  const tokenizer =
    location === undefined
      ? learn(someText(train), vocabSize)
      : await Tokenizer.fromPretrained(await modelFolder(location));
  const encode = (document: string): Encoding[] =>
    splitSentences(document).map((sentence, i) =>
      tokenizer.encode(i === 0 ? sentence : ` ${sentence}`, { addSpecialTokens: false }),
    );
  return {
    name,
    numCharacters: text.length,
    tokenizer,
    train: train.map(encode),
    heldOut: validation.map(encode),
  };
}

/** Documents at even distances, as many as tokenizers are learnt from. */
function someText(documents: readonly string[]): string[] {
  const length = documents.reduce((sum, document) => sum + document.length, 0);
  return someOf(documents, Math.ceil((documents.length * LEARNT_LENGTH) / Math.max(length, LEARNT_LENGTH)));
}

/** Items at even distances; all, where there are no more than that. */
export function someOf<T>(items: readonly T[], number: number): T[] {
  if (items.length <= number) return [...items];
  return Array.from({ length: number }, (_, i) => items[Math.floor(((i + 0.5) * items.length) / number)] as T);
}

/** The notes on data that runs on sentences have. */
export function describeCorpus(
  { name, numCharacters, tokenizer, train, heldOut }: EncodedCorpus,
  { kind, learnt, tested, evaluated }: { kind: string; learnt: number; tested: number; evaluated: number },
): { data: string; split: string } {
  const partly = evaluated < tested ? ` (of which ${grouped(evaluated)} are evaluated)` : '';
  return {
    data: `${name}: ${grouped(numCharacters)} characters, ${grouped(tokenizer.vocabSize)} kinds of tokens (${kind})`,
    split: `${grouped(learnt)} sequences of ${grouped(train.length)} documents to learn, ${grouped(tested)} of ${grouped(heldOut.length)} held out${partly}`,
  };
}
