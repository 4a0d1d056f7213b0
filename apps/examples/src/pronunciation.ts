import { generate } from '@formers/generation';
import { AdamW, warmupCosine } from '@formers/training';
import { Transformer } from '@formers/transformer';
import { tensor2d } from '@tensorflow/tfjs-core';

import { batchesOf, type Dictionary, type Entry, type Pair, readDictionary, Symbols } from './cmudict.ts';
import { editDistance } from './edit-distance.ts';
import { type ExampleOptions, stopwatch } from './options.ts';

const [BATCH, EPOCHS] = [256, 10];

/** Errors on words that weren't learnt, both from 0 to 1 (the first may go above). */
export interface PronunciationErrors {
  /** Wrong, missing and added phonemes as a share of those of the nearest pronunciation in the dictionary. */
  readonly phonemeErrorRate: number;
  /** Share of the words whose pronunciation isn't in the dictionary. */
  readonly wordErrorRate: number;
}

/**
 * The original Transformer learns from the CMU dictionary how English words are pronounced, and is asked for words that it never saw.
 * Yolchuyeva et al. (2019) report a phoneme error rate of 5.2 % and a word error rate of 22.1 % for a Transformer with 4 layers on each side.
 *
 * @param options.words How many of the held-out words are asked; default all.
 */
export async function learnToPronounce({
  seed = 1,
  steps,
  words,
  out,
  log = console.log,
}: ExampleOptions & { readonly words?: number }): Promise<PronunciationErrors> {
  const dictionary = readDictionary({ seed });
  const { letters, phonemes, train, heldOut } = dictionary;
  const pairs = train.flatMap(({ word, pronunciations }) =>
    pronunciations.map((one): Pair => ({ letters: letters.encode(word), phonemes: [...one, Symbols.end] })),
  );
  const stepsPerEpoch = batchesOf(pairs, { batchSize: BATCH, seed, epoch: 0 }).length;
  const total = steps ?? EPOCHS * stepsPerEpoch;

  using model = new Transformer(
    {
      sourceVocabSize: letters.size,
      vocabSize: phonemes.size,
      contextLength: 64,
      dim: 128,
      hiddenDim: 512,
      numHeads: 4,
      numLayers: 3,
      dropout: 0.1,
      labelSmoothing: 0.1,
      eosTokenId: Symbols.end,
    },
    { seed },
  );
  const learningRate = warmupCosine({ peak: 1.5e-3, warmup: Math.ceil(0.08 * total), total });
  using optimizer = new AdamW(model, { learningRate, beta2: 0.98, epsilon: 1e-9, clipNorm: 1, seed });
  log(`${train.length} words to learn, ${pairs.length} pronunciations; ${heldOut.length} words held out`);
  log(`${model.numParameters} parameters, ${total} steps of up to ${BATCH} words, ${stepsPerEpoch} for all words`);

  const seconds = stopwatch();
  for (let step = 0, epoch = 0; step < total; epoch++)
    for (const batch of batchesOf(pairs, { batchSize: BATCH, seed, epoch })) {
      if (step++ === total) break;
      const width = Math.max(...batch.map((pair) => pair.phonemes.length));
      const ids = tensor2d(
        batch.map((pair) => [...pair.letters]),
        undefined,
        'int32',
      );
      const targets = tensor2d(
        batch.map((pair) => [...pair.phonemes, ...new Array<number>(width - pair.phonemes.length).fill(-100)]),
        undefined,
        'int32',
      );
      const result = optimizer.minimize(() => model.loss(ids, { targets }));
      ids.dispose();
      targets.dispose();
      if (step % 100 === 0 || step === total)
        log(`step ${step}  loss ${(await result.loss()).toFixed(3)}  ${seconds().toFixed(0)} s`);
    }
  log(`trained in ${seconds().toFixed(0)} s`);

  const asked = heldOut.slice(0, words);
  const errors = await measureErrors(model, asked, { dictionary, log });
  log(
    `phoneme error rate ${percent(errors.phonemeErrorRate)}, word error rate ${percent(errors.wordErrorRate)} on ${asked.length} unseen words`,
  );
  if (out !== undefined) await model.savePretrained(out);
  return errors;
}

async function measureErrors(
  model: Transformer,
  entries: readonly Entry[],
  { dictionary: { letters, phonemes }, log }: { dictionary: Dictionary; log: (line: string) => void },
): Promise<PronunciationErrors> {
  let [wrong, total, wrongWords] = [0, 0, 0];
  for (let i = 0; i < entries.length; i += BATCH) {
    const part = entries.slice(i, i + BATCH);
    const prompts = part.map(({ word }) => letters.encode(word));
    const { newTokens } = await generate(model, prompts, { maxNewTokens: 40, eosTokenId: Symbols.end });
    for (const [j, { word, pronunciations }] of part.entries()) {
      const spoken = (newTokens[j] ?? []).filter((id) => id !== Symbols.end);
      const distances = pronunciations.map((one) => ({ distance: editDistance(spoken, one), length: one.length }));
      const nearest = distances.toSorted((a, b) => a.distance / a.length - b.distance / b.length)[0];
      wrong += nearest?.distance ?? 0;
      total += nearest?.length ?? 0;
      if (nearest?.distance !== 0) wrongWords++;
      if (i === 0 && j < 10)
        log(`  ${word}: ${phonemes.decode(spoken).join(' ')}${nearest?.distance === 0 ? '' : '  (wrong)'}`);
    }
  }
  return { phonemeErrorRate: wrong / total, wordErrorRate: wrongWords / entries.length };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
