import { BART } from '@formers/bart';
import { RandomStream, useBackend } from '@formers/backend';
import { simd } from '@formers/backend-simd';
import { BertForMaskedLM } from '@formers/bert';
import { GPT } from '@formers/gpt';
import { T5 } from '@formers/t5';
import { Transformer } from '@formers/transformer';
import { ViTForImageClassification } from '@formers/vit';
import { type Scalar, tensor1d, type Tensor2D, tensor2d, tensor4d, tidy } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { AdamW, meanLoss, type Trainable, Trainer } from '../src/index.ts';

/**
 * Property 46: where labels say nothing about inputs, losses fall to chance and no further; anything below it is a leak, of targets into inputs or of the
 * held-out part into the training. The same data with their own labels are learnt, so that the control shows something.
 */

const [STEPS, BATCH, SEQ] = [240, 16, 6];
const HELD_OUT = 40;
/** Classes or tokens 0 to 3; 4 masks, 5 begins, so that chance lies well below the loss at the start. */
const [KINDS, MASK, START, VOCAB] = [4, 4, 5, 6];

/** An example: what is read, and what should be said. */
interface Example {
  readonly inputs: readonly number[];
  readonly targets: readonly number[];
}

/** A family: its examples, and the loss on some of them. */
interface Control {
  readonly model: () => Trainable & Disposable;
  readonly example: (random: RandomStream) => Example;
  readonly loss: (model: never, examples: readonly Example[]) => Scalar;
}

/** Two thirds are 0. */
const kind = (random: RandomStream): number => Math.max(0, random.integer(9) - 5);
const many = (random: RandomStream): number[] => Array.from({ length: SEQ }, () => kind(random));
const rows = (lists: readonly (readonly number[])[]): Tensor2D =>
  tensor2d(
    lists.map((list) => [...list]),
    undefined,
    'int32',
  );
const inputsOf = (examples: readonly Example[]): Tensor2D => rows(examples.map(({ inputs }) => inputs));
const targetsOf = (examples: readonly Example[]): Tensor2D => rows(examples.map(({ targets }) => targets));

const shape = { vocabSize: VOCAB, contextLength: SEQ, dim: 16, hiddenDim: 32, numHeads: 2, numLayers: 1, dropout: 0 };
const { contextLength: _, vocabSize, ...inner } = shape;

type Seq2Seq = { loss(ids: Tensor2D, options: { targets: Tensor2D }): Scalar };
/** Says each token of the source once more. */
const translation = {
  example: (random: RandomStream): Example => {
    const inputs = many(random);
    return { inputs, targets: inputs };
  },
  loss: (model: Seq2Seq, examples: readonly Example[]) =>
    model.loss(inputsOf(examples), { targets: targetsOf(examples) }),
};
const special = { padTokenId: START, decoderStartTokenId: START, eosTokenId: START };

const controls: Record<string, Control> = {
  gpt: control<GPT>({
    model: () => new GPT(shape, { seed: 1 }),
    example: (random) => {
      const first = kind(random);
      return { inputs: Array.from({ length: SEQ }, () => first), targets: Array.from({ length: SEQ }, () => first) };
    },
    // What is said at a place is what should be said there, read one place later.
    loss: (model, examples) =>
      model.loss(rows(examples.map(({ inputs }) => [START, ...inputs.slice(0, -1)])), { targets: targetsOf(examples) }),
  }),
  bert: control<BertForMaskedLM>({
    model: () => new BertForMaskedLM(shape, { seed: 1 }),
    // Every other token is masked, and is as the one before it.
    example: (random) => {
      const seen = many(random);
      return {
        inputs: seen.map((id, i) => (i % 2 === 0 ? id : MASK)),
        targets: seen.map((_, i) => (i % 2 === 0 ? -100 : (seen[i - 1] as number))),
      };
    },
    loss: (model, examples) => model.loss(inputsOf(examples), { targets: targetsOf(examples) }),
  }),
  t5: control<T5>({
    model: () => new T5({ ...inner, ...special, vocabSize, headDim: 8 }, { seed: 1 }),
    ...translation,
  }),
  bart: control<BART>({ model: () => new BART({ ...shape, ...special }, { seed: 1 }), ...translation }),
  transformer: control<Transformer>({
    model: () => new Transformer({ ...shape, ...special }, { seed: 1 }),
    ...translation,
  }),
  vit: control<ViTForImageClassification>({
    model: () =>
      new ViTForImageClassification(
        { ...inner, imageSize: [2, SEQ], patchSize: [2, 1], numChannels: 1, labels: ['a', 'b', 'c', 'd'] },
        { seed: 1 },
      ),
    // Says how bright the image is.
    example: (random) => {
      const label = kind(random);
      return { inputs: Array.from({ length: 2 * SEQ }, () => label - 1 + random.normal() / 2), targets: [label] };
    },
    loss: (model, examples) => {
      const pixels = tensor4d(
        examples.flatMap(({ inputs }) => inputs),
        [examples.length, 1, 2, SEQ],
      );
      return model.loss(pixels, {
        labels: tensor1d(
          examples.map(({ targets }) => targets[0] as number),
          'int32',
        ),
      });
    },
  }),
};

function control<Model>(own: {
  model: () => Model & Trainable & Disposable;
  example: Control['example'];
  loss: (model: Model, examples: readonly Example[]) => Scalar;
}): Control {
  return own as unknown as Control;
}

/** The same examples with all labels that count shuffled among them. */
function shuffled(examples: readonly Example[], random: RandomStream, name: string): Example[] {
  const labels = examples.flatMap(({ targets }) => targets).filter((label) => label >= 0);
  const order = random.shuffle(Uint32Array.from(labels.keys()));
  let next = 0;
  return examples.map(({ inputs, targets }) => {
    const own = targets.map((label) => (label < 0 ? label : (labels[order[next++] as number] as number)));
    return { inputs: name === 'gpt' ? own : inputs, targets: own }; // a language model reads what it is to say
  });
}

/** Nats per label of somebody who knows how frequent labels are, and nothing else. */
function chanceOf(examples: readonly Example[]): number {
  const labels = examples.flatMap(({ targets }) => targets).filter((label) => label >= 0);
  const shares = Array.from({ length: KINDS }, (_, k) => labels.filter((label) => label === k).length / labels.length);
  return -shares.reduce((sum, share) => sum + (share > 0 ? share * Math.log(share) : 0), 0);
}

/** Trains on examples that each come once, and measures others. */
async function learn(own: Control, examples: readonly Example[]): Promise<{ losses: number[]; heldOut: number }> {
  using model = own.model();
  using optimizer = new AdamW(model, { learningRate: 5e-3 });
  const at = (step: number) => ({
    examples: examples.slice(step * BATCH, (step + 1) * BATCH),
    tokens: 1,
    [Symbol.dispose]: () => {},
  });
  const loss = (batch: { examples: readonly Example[] }): Scalar =>
    tidy(() => own.loss(model as never, batch.examples));
  const losses: number[] = [];
  await new Trainer({
    model,
    optimizer,
    data: { at },
    loss,
    steps: STEPS,
    on: { step: (event) => void losses.push(event.loss) },
  }).train();
  const heldOut = await meanLoss(
    Array.from({ length: HELD_OUT }, (_, i) => at(STEPS + i)),
    loss,
  );
  return { losses, heldOut };
}

describe.each(Object.entries(controls))('labels without a meaning: %s', (name, own) => {
  beforeAll(() => useBackend(simd({ threads: 1 })));

  it('teach how frequent they are, and no more; their own labels do', { timeout: 300_000 }, async () => {
    const random = new RandomStream(1, name);
    const examples = Array.from({ length: BATCH * (STEPS + HELD_OUT) }, () => own.example(random));
    const chance = chanceOf(examples);
    const { losses, heldOut } = await learn(own, shuffled(examples, random, name));
    expect(losses[0]).toBeGreaterThan(chance + 0.2);
    expect(heldOut).toBeGreaterThan(chance - 0.04);
    expect(heldOut).toBeLessThan(chance + 0.06);
    const late = losses.slice(-80);
    expect(late.reduce((sum, loss) => sum + loss, 0) / late.length).toBeGreaterThan(chance - 0.05);

    const right = await learn(own, examples);
    expect(right.heldOut).toBeLessThan(chance - 0.15);
  });
});
