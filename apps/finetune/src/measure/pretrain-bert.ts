import { BertForMaskedLM } from '@formers/bert';
import { Batches, joinSentences, maskedLanguageModel } from '@formers/data';
import { trainWordPiece } from '@formers/tokenizers';
import { AdamW, Trainer, warmupLinear } from '@formers/training';

/** Sizes of the model, and of its pre-training. */
export const SIZES = {
  vocabSize: 4000,
  contextLength: 128,
  dim: 128,
  numHeads: 4,
  numLayers: 2,
  /** Tokens of a sequence in pre-training. */
  seqLen: 32,
  batchSize: 64,
  /** Higher than for models of the usual size, as is the start: with 0.02 so narrow a model guesses by word frequency for thousands of steps. */
  learningRate: 2e-3,
  initStd: 0.06,
  beta2: 0.98,
  /** Share of the tokens that are guessed: more than BERT's 0.15 learns faster (Wettig et al. 2023). */
  masked: 0.3,
} as const;

/** Words that the tokenizer is made of: enough for so few tokens. */
const TOKENIZER_SENTENCES = 60_000;

/** How a pre-training went. */
export interface PretrainingResult {
  readonly parameters: number;
  readonly tokens: number;
  readonly loss: number;
  readonly seconds: number;
}

/** Pre-trains a BERT by masked language modelling (Devlin et al. 2018), from scratch, and writes it with its tokenizer. */
export async function pretrainBert(
  sentences: readonly string[],
  { folder, steps, onNote }: { folder: string; steps: number; onNote: (text: string) => void },
): Promise<PretrainingResult> {
  const started = performance.now();
  const { seqLen, batchSize, learningRate, vocabSize, masked, beta2, ...sizes } = SIZES;
  const every = Math.max(1, Math.ceil(sentences.length / TOKENIZER_SENTENCES));
  const tokenizer = trainWordPiece(
    sentences.filter((_, i) => i % every === 0),
    { vocabSize },
  );
  const encoded = sentences.map((sentence) => tokenizer.encode(sentence, { addSpecialTokens: false }));
  const examples = joinSentences(encoded, { seqLen, begin: tokenizer.clsTokenId, end: tokenizer.sepTokenId });
  const { padTokenId } = tokenizer;
  onNote(`${examples.length} sequences of at most ${seqLen} tokens, ${tokenizer.vocabSize} kinds of them`);

  const collator = maskedLanguageModel({ tokenizer, probability: masked, padToLength: seqLen });
  using model = new BertForMaskedLM(
    {
      ...sizes,
      vocabSize: tokenizer.vocabSize,
      dropout: 0,
      attentionDropout: 0,
      ...(padTokenId !== undefined && { padTokenId }),
    },
    { seed: 1 },
  );
  using optimizer = new AdamW(model, {
    learningRate: warmupLinear({ peak: learningRate, warmup: Math.floor(steps / 10), total: steps }),
    beta2,
    weightDecay: 0.01,
    clipNorm: 1,
  });
  const trainer = new Trainer({
    model,
    optimizer,
    data: new Batches(examples, { collator, batchSize, seed: 1 }),
    loss: ({ ids, attentionMask, targets }) => model.loss(ids, { attentionMask, targets }),
    steps,
  });
  let mean = 0;
  for await (const event of trainer.run()) {
    if (event.type !== 'step') continue;
    mean = event.step === 1 ? event.loss : 0.98 * mean + 0.02 * event.loss;
    if (event.step % 100 === 0 || event.step === steps)
      onNote(`step ${event.step}/${steps}  loss ${mean.toFixed(3)}  ${Math.round(event.secondsLeft)} s left`);
  }
  await model.savePretrained(folder);
  await tokenizer.savePretrained(folder);
  return {
    parameters: model.numParameters,
    tokens: steps * batchSize * seqLen,
    loss: mean,
    seconds: (performance.now() - started) / 1000,
  };
}
