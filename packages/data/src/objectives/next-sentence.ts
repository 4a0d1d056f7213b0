import { ConfigError, RandomStream } from '@formers/backend';
import type { Tokenizer } from '@formers/tokenizers';

import { DataError } from '../errors.ts';
import type { SentencePair } from './masked-language-model.ts';
import { specialId } from './special-tokens.ts';
import type { TokenExample } from './token-example.ts';

/** Options of {@link nextSentencePairs}. */
export interface NextSentenceOptions {
  tokenizer: Tokenizer;
  /** The most tokens of a pair, special tokens included. */
  seqLen: number;
  /** Share of the pairs that are made shorter at random; default 0.1. */
  shortProbability?: number;
  /** How often the documents are gone through, for other pairs each time; default 1. */
  passes?: number;
  /** Default 0. */
  seed?: number;
}

/** Sentences of a text, by the rules of its language. */
export function splitSentences(text: string, locale = 'en'): string[] {
  const segments = new Intl.Segmenter(locale, { granularity: 'sentence' }).segment(text);
  return Array.from(segments, ({ segment }) => segment.trim()).filter((sentence) => sentence !== '');
}

/**
 * Pairs for BERT's next-sentence prediction: runs of sentences that fill `seqLen`, cut in two at a random sentence; for half of them the second part comes from
 * another document. As `create_pretraining_data.py` of google-research/bert makes them (Devlin et al. 2018, appendix A.2).
 *
 * @param documents Sentences of each document, encoded without special tokens.
 * @throws {@link DataError} `too-short` for fewer than two documents with sentences: there is no elsewhere.
 */
export function nextSentencePairs(
  documents: readonly (readonly TokenExample[])[],
  { tokenizer, seqLen, shortProbability = 0.1, passes = 1, seed = 0 }: NextSentenceOptions,
): SentencePair[] {
  const where = 'nextSentencePairs';
  if (!(Number.isSafeInteger(seqLen) && seqLen >= 8))
    throw new ConfigError(`${where}: seqLen must be a whole number from 8, got ${seqLen}`);
  const filled = documents
    .map((document) => document.filter(({ ids }) => ids.length > 0))
    .filter((document) => document.length > 0);
  if (filled.length < 2)
    throw new DataError('too-short', `${where}: needs two documents or more, got ${filled.length}`);
  const special = {
    cls: specialId(tokenizer, { role: 'cls', where }),
    sep: specialId(tokenizer, { role: 'sep', where }),
  };
  const pairs: SentencePair[] = [];
  for (let pass = 0; pass < passes; pass++)
    for (const index of filled.keys()) {
      const random = new RandomStream(seed, `next-sentence.${pass}.${index}`);
      const cut = new DocumentCutter(filled, { index, random, most: seqLen - 3, shortProbability });
      for (const { first, second, label } of cut.pairs()) pairs.push(joinPair(first, second, { ...special, label }));
    }
  return pairs;
}

/** A token with the word that it is a part of, which is told apart from words of other sentences. */
interface Token {
  readonly id: number;
  readonly word: string;
}

class DocumentCutter {
  readonly #documents: readonly (readonly TokenExample[])[];
  readonly #index: number;
  readonly #random: RandomStream;
  readonly #most: number;
  readonly #shortProbability: number;

  constructor(
    documents: readonly (readonly TokenExample[])[],
    {
      index,
      random,
      most,
      shortProbability,
    }: { index: number; random: RandomStream; most: number; shortProbability: number },
  ) {
    this.#documents = documents;
    this.#index = index;
    this.#random = random;
    this.#most = most;
    this.#shortProbability = shortProbability;
  }

  *pairs(): Generator<{ first: Token[]; second: Token[]; label: number }> {
    const document = this.#documents[this.#index] ?? [];
    const random = this.#random;
    const target = random.uniform() < this.#shortProbability ? 2 + random.integer(this.#most - 1) : this.#most;
    let chunk: TokenExample[] = [];
    for (let i = 0; i < document.length; i++) {
      chunk.push(document[i] as TokenExample);
      const length = chunk.reduce((sum, { ids }) => sum + ids.length, 0);
      if (i < document.length - 1 && length < target) continue;
      const end = chunk.length < 2 ? 1 : 1 + random.integer(chunk.length - 1); // of the first part
      const first = tokensOf(chunk.slice(0, end));
      let second = tokensOf(chunk.slice(end));
      const isElsewhere = chunk.length === 1 || random.uniform() < 0.5;
      if (isElsewhere) {
        second = this.#fromElsewhere(target - first.length);
        i -= chunk.length - end; // the rest of the chunk comes again
      }
      this.#shorten(first, second);
      yield { first, second, label: isElsewhere ? 1 : 0 };
      chunk = [];
    }
  }

  /** Sentences of another document, from a random one on, until there are `length` tokens. */
  #fromElsewhere(length: number): Token[] {
    const other = this.#random.integer(this.#documents.length - 1);
    const document = this.#documents[other < this.#index ? other : other + 1] ?? [];
    const sentences: TokenExample[] = [];
    let count = 0;
    for (let i = this.#random.integer(document.length); i < document.length; i++) {
      const sentence = document[i] as TokenExample;
      sentences.push(sentence);
      count += sentence.ids.length;
      if (count >= length) break;
    }
    return tokensOf(sentences);
  }

  /** Takes tokens off the longer part, from its front or back at random, until both fit. */
  #shorten(first: Token[], second: Token[]): void {
    while (first.length + second.length > this.#most) {
      const longer = first.length > second.length ? first : second;
      if (this.#random.uniform() < 0.5) longer.shift();
      else longer.pop();
    }
  }
}

function tokensOf(sentences: readonly TokenExample[]): Token[] {
  return sentences.flatMap(({ ids, words }, sentence) =>
    Array.from(ids, (id, place) => ({ id, word: `${sentence}.${words?.[place] ?? `token ${place}`}` })),
  );
}

/** `[CLS] first [SEP] second [SEP]`. */
function joinPair(
  first: readonly Token[],
  second: readonly Token[],
  { cls, sep, label }: { cls: number; sep: number; label: number },
): SentencePair {
  const ids = [cls, ...first.map(({ id }) => id), sep, ...second.map(({ id }) => id), sep];
  const firstEnd = first.length + 2;
  const numbers = new Map<string, number>();
  const wordOf = (name: string): number => numbers.get(name) ?? numbers.set(name, numbers.size).size - 1;
  const words = [
    -1,
    ...first.map(({ word }) => wordOf(`first ${word}`)),
    -1,
    ...second.map(({ word }) => wordOf(`second ${word}`)),
    -1,
  ];
  return {
    ids: Int32Array.from(ids),
    typeIds: Int32Array.from(ids, (_, place) => (place < firstEnd ? 0 : 1)),
    specialTokensMask: Int32Array.from(words, (word) => (word < 0 ? 1 : 0)),
    words: Int32Array.from(words),
    nextSentenceLabel: label,
  };
}
