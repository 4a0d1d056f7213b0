import { RandomStream } from '@formers/backend';
import { shuffledIndices } from '@formers/data';
import { generate } from '@formers/generation';
import { GPT } from '@formers/gpt';
import { AdamW, warmupCosine } from '@formers/training';
import { tensor2d } from '@tensorflow/tfjs-core';

import { type ExampleOptions, stopwatch } from './options.ts';

const ALPHABET = '0123456789+=';
const NUMBERS = 1000; // `a + b` has the index `1000 a + b`
const [PROMPT, ANSWER] = [8, 4]; // symbols of `123+456=` and of `0579`
const SEQ = PROMPT + ANSWER - 1; // nothing follows the last digit
const [HELD_OUT, BATCH] = [10_000, 256];

/**
 * A GPT of 0.4 million parameters learns to add numbers of three digits, digits in their usual order: `123+456=0579`. It is asked 10,000 sums that it never saw,
 * nor with the two numbers the other way round.
 */
export async function learnToAdd({
  seed = 1,
  steps = 1000,
  out,
  log = console.log,
}: ExampleOptions): Promise<{ exact: number; asked: number }> {
  const order = shuffledIndices(NUMBERS ** 2, { seed });
  const asked = [...order.subarray(0, HELD_OUT)];
  const secret = new Set(asked.flatMap((sum) => [sum, turned(sum)]));
  const known = order.filter((sum) => !secret.has(sum));

  using model = new GPT(
    { vocabSize: ALPHABET.length, contextLength: SEQ + 1, dim: 128, numHeads: 4, numLayers: 2 },
    { seed },
  );
  const learningRate = warmupCosine({ peak: 2e-3, warmup: 100, total: steps });
  using optimizer = new AdamW(model, { learningRate, beta2: 0.98, weightDecay: 0.1, clipNorm: 1, seed });
  log(`${model.numParameters} parameters, ${steps} steps of ${BATCH} out of ${known.length} sums`);

  const random = new RandomStream(seed, 'sums');
  const seconds = stopwatch();
  for (let step = 1; step <= steps; step++) {
    const sums = Array.from({ length: BATCH }, () => idsOf(known[random.integer(known.length)] ?? 0));
    const ids = tensor2d(
      sums.map((sum) => sum.slice(0, SEQ)),
      [BATCH, SEQ],
      'int32',
    );
    const targets = tensor2d(
      sums.map((sum) => [...new Array<number>(PROMPT - 1).fill(-100), ...sum.slice(PROMPT)]), // the answer alone counts
      [BATCH, SEQ],
      'int32',
    );
    const result = optimizer.minimize(() => model.loss(ids, { targets }));
    ids.dispose();
    targets.dispose();
    if (step % 100 === 0) log(`step ${step}  loss ${(await result.loss()).toFixed(4)}  ${seconds().toFixed(0)} s`);
  }

  let exact = 0;
  for (let i = 0; i < asked.length; i += 1000) {
    const sums = asked.slice(i, i + 1000).map(idsOf);
    const prompts = sums.map((sum) => sum.slice(0, PROMPT));
    const { sequences } = await generate(model, prompts, { maxNewTokens: ANSWER });
    exact += sequences.filter((sum, j) => sum.join() === sums[j]?.join()).length;
  }
  log(`${exact} of ${asked.length} unseen sums exact, after ${seconds().toFixed(0)} s`);
  if (out !== undefined) await model.savePretrained(out);
  return { exact, asked: asked.length };
}

/** The sum with its numbers the other way round. */
function turned(sum: number): number {
  return (sum % NUMBERS) * NUMBERS + Math.floor(sum / NUMBERS);
}

/** `123+456=0579` as ids. */
function idsOf(sum: number): number[] {
  const [a, b] = [Math.floor(sum / NUMBERS), sum % NUMBERS];
  const text = `${digits(a, 3)}+${digits(b, 3)}=${digits(a + b, ANSWER)}`;
  return Array.from(text, (symbol) => ALPHABET.indexOf(symbol));
}

function digits(number: number, count: number): string {
  return String(number).padStart(count, '0');
}
