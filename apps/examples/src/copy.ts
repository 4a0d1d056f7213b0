import { RandomStream } from '@formers/backend';
import { generate } from '@formers/generation';
import { AdamW, noam } from '@formers/training';
import { Transformer } from '@formers/transformer';
import { tensor2d } from '@tensorflow/tfjs-core';

import { type ExampleOptions, stopwatch } from './options.ts';

const [SYMBOLS, LENGTH, BATCH] = [10, 10, 64];
const FIRST = 3; // symbols come after padding, start and end

/**
 * The copy task of "The Annotated Transformer" (Rush 2018): a Transformer learns to write what it reads, 10 random symbols, and is asked for 100 sequences that
 * it never saw.
 */
export async function learnToCopy({
  seed = 1,
  steps = 1200,
  out,
  log = console.log,
}: ExampleOptions): Promise<{ exact: number; asked: number }> {
  using model = new Transformer(
    { vocabSize: FIRST + SYMBOLS, contextLength: 16, dim: 64, numHeads: 4, numLayers: 2, dropout: 0.1 },
    { seed },
  );
  const learningRate = noam({ dim: 64, warmup: 200, factor: 0.5 });
  using optimizer = new AdamW(model, { learningRate, beta2: 0.98, epsilon: 1e-9, weightDecay: 0, seed });
  log(`${model.numParameters} parameters, ${steps} steps of ${BATCH} sequences`);

  const random = new RandomStream(seed, 'sequences');
  const randomSequence = (): number[] => Array.from({ length: LENGTH }, () => FIRST + random.integer(SYMBOLS));
  const seen = new Set<string>();
  const seconds = stopwatch();
  for (let step = 1; step <= steps; step++) {
    const sequences = Array.from({ length: BATCH }, randomSequence);
    for (const sequence of sequences) seen.add(sequence.join());
    const ids = tensor2d(sequences, [BATCH, LENGTH], 'int32');
    const result = optimizer.minimize(() => model.loss(ids, { targets: ids }));
    ids.dispose();
    if (step % 100 === 0) log(`step ${step}  loss ${(await result.loss()).toFixed(3)}  ${seconds().toFixed(0)} s`);
  }

  const unseen: number[][] = [];
  while (unseen.length < 100) {
    const sequence = randomSequence();
    if (!seen.has(sequence.join())) unseen.push(sequence);
  }
  const { newTokens } = await generate(model, unseen, { maxNewTokens: LENGTH });
  const exact = newTokens.filter((copy, i) => copy.join() === unseen[i]?.join()).length;
  log(`${exact} of ${unseen.length} unseen sequences copied exactly, after ${seconds().toFixed(0)} s`);
  if (out !== undefined) await model.savePretrained(out);
  return { exact, asked: unseen.length };
}
