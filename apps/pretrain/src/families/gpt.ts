import {
  count,
  grouped,
  type OptionSpecs,
  type OptionValues,
  pick,
  trainingConfig,
  trainingOptions,
  UsageError,
} from '@formers/cli';
import { TokenWindows, type TokenBatch } from '@formers/data';
import { streamText } from '@formers/generation';
import { GPT, GPT_PRESETS, type GPTOptions, type GPTPreset } from '@formers/gpt';
import { Tokenizer } from '@formers/tokenizers';
import { type FoundCheckpoint, meanLoss } from '@formers/training';

import { folderNameOf, loadCorpus, splitText } from '../corpus.ts';
import type { Family, Machine, PreparedRun, RunConfig } from '../family.ts';
import { SIZE_OPTIONS, type Sizes, TEXT_OPTIONS, type TextChoice, textChoice } from '../text-options.ts';
import { createTokenizer, tokenizerHash } from '../tokenizers.ts';

/** Some 2.3 million tokens at the default sizes. */
const FAST_STEPS = 3000;

const OPTIONS = {
  ...TEXT_OPTIONS,
  tokenizer: { kind: 'text', help: 'char, bpe, or a tokenizer.json (default char)' },
  vocabSize: { kind: 'whole', least: 300, help: 'tokens of a new bpe tokenizer (default 4096)' },
  preset: { kind: 'text', among: Object.keys(GPT_PRESETS), help: 'sizes of the model by name (default nano-cpu)' },
  ...SIZE_OPTIONS,
  numLayers: { ...SIZE_OPTIONS.numLayers, help: 'number of decoder layers' },
  contextLength: { kind: 'whole', least: 1, help: 'tokens that the model sees at once' },
  batchSize: { ...SIZE_OPTIONS.batchSize, help: 'sequences per micro-batch (default 12)' },
  ...trainingOptions({ steps: FAST_STEPS }),
} as const satisfies OptionSpecs;

type GivenGptOptions = OptionValues<typeof OPTIONS>;

interface GptRunConfig extends RunConfig, TextChoice, Sizes {
  tokenizer: string;
  vocabSize: number;
}

const SIZES = ['dim', 'numLayers', 'numHeads', 'contextLength'] as const;

/** For the plain `cpu` engine, where the default has to end within minutes. */
const SLOW_SIZES = { contextLength: 32, dim: 48, numHeads: 4, numLayers: 2 } as const;
const SLOW_STEPS = 200;

/** Tokens of the held-out text that an engine in plain JavaScript looks at; others look at all. */
const SLOW_EVALUATION = 4096;

/** Share of the text that is held out, at its end. */
const HELD_OUT = 0.1;

/** GPT-2 on text, which learns to go on. */
export const GPT_FAMILY: Family<GivenGptOptions, GptRunConfig> = {
  name: 'gpt',
  about: 'Pre-trains a GPT on text, from scratch.',
  examples: [
    '',
    "--text 'books/*.txt' --tokenizer bpe --vocab-size 4096 --dim 192 --num-layers 6 --num-heads 6",
    '--dataset sotu --steps 5000 --json > log.jsonl',
    '--resume checkpoints/moby-dick --steps 6000',
  ],
  options: OPTIONS,
  configure(given, { isSlow }) {
    const isSmall = isSlow && given.preset === undefined;
    const sizes = isSmall ? SLOW_SIZES : GPT_PRESETS[(given.preset ?? 'nano-cpu') as GPTPreset];
    return {
      family: 'gpt',
      ...textChoice(given),
      tokenizer: 'char',
      vocabSize: 4096,
      ...sizes,
      dropout: 0,
      batchSize: 12,
      ...pick(given, ['tokenizer', 'vocabSize', 'dropout', 'batchSize', ...SIZES]),
      ...trainingConfig(given, { steps: isSmall ? SLOW_STEPS : FAST_STEPS }),
    };
  },
  expand: ({ preset, ...given }) => ({ ...(preset && GPT_PRESETS[preset as GPTPreset]), ...given }),
  earlier: { optimizer: 'adamw', emaDecay: 0 },
  prepare: prepareGpt,
};

async function prepareGpt(
  config: GptRunConfig,
  { checkpoint, isSlow }: Machine & { checkpoint: FoundCheckpoint | undefined },
): Promise<PreparedRun<TokenBatch>> {
  const corpus = await loadCorpus(config);
  const parts = splitText(corpus.text, HELD_OUT);
  const tokenizer = checkpoint
    ? await Tokenizer.fromPretrained(checkpoint.folder)
    : await createTokenizer(config.tokenizer, { ...corpus, train: parts.train, vocabSize: config.vocabSize });
  const { vocabSize } = tokenizer;
  const { contextLength: seqLen, batchSize, seed } = config;
  const learned = tokenizer.encodeIds(parts.train);
  const heldOut = tokenizer.encodeIds(parts.validation);
  if (learned.length <= seqLen || heldOut.length < 2)
    throw new UsageError(
      `${corpus.name} is too little: ${count(learned.length, 'token')} to learn and ${grouped(heldOut.length)} held out; --context-length ${seqLen} needs ${seqLen + 1} and 2`,
    );
  const train = new TokenWindows(learned, { seqLen, vocabSize });
  const validation = new TokenWindows(isSlow ? heldOut.subarray(0, SLOW_EVALUATION) : heldOut, { seqLen, vocabSize });
  const data = train.batches({ batchSize, seed });
  const model = checkpoint
    ? await GPT.fromPretrained(checkpoint.folder)
    : new GPT(modelOptions(config, tokenizer), { seed });
  const bitsPerNat = heldOut.length / Math.max(1, [...parts.validation].length) / Math.LN2; // per character, from nats per token
  const lossOf = ({ inputs, targets }: TokenBatch): ReturnType<GPT['loss']> => model.loss(inputs, { targets });
  const partly =
    validation.numTokens < heldOut.length
      ? ` (of which ${grouped(validation.numTokens)} are evaluated on this engine)`
      : '';
  const prompt = firstWords(parts.validation);
  return {
    name: folderNameOf(config),
    model,
    data,
    loss: lossOf,
    evaluate: async () => {
      const loss = await meanLoss(validation.sequential({ batchSize: 4 * batchSize }), lossOf);
      return { loss, bits_per_character: loss * bitsPerNat };
    },
    companion: tokenizer,
    identity: { tokenizer: tokenizerHash(tokenizer) },
    perBatch: { count: batchSize * seqLen, unit: 'tokens' },
    notes: {
      model: `GPT-2, ${grouped(model.numParameters)} parameters: ${count(config.numLayers, 'layer')}, ${count(config.numHeads, 'head')}, ${config.dim} wide, context of ${seqLen} tokens`,
      data: `${corpus.name}: ${grouped(corpus.text.length)} characters, ${vocabSize} kinds of tokens (${config.tokenizer})`,
      split: `${grouped(train.numTokens)} tokens to learn, the last ${grouped(heldOut.length)} held out${partly}`,
    },
    finish: async () => {
      const sample = await writeSample(model, { tokenizer, prompt, seed });
      return { text: sample, facts: { sample } };
    },
    commands: ({ out }) => [['sample', `generate --model ${out} --prompt ${JSON.stringify(prompt)}`]],
  };
}

function modelOptions(
  { contextLength, dim, numHeads, numLayers, dropout }: GptRunConfig,
  { vocabSize, bosTokenId, eosTokenId, padTokenId }: Tokenizer,
): GPTOptions {
  return { vocabSize, contextLength, dim, numHeads, numLayers, dropout, bosTokenId, eosTokenId, padTokenId };
}

/** The first whole words of a text, for a prompt. */
function firstWords(text: string): string {
  return /(?<=\s)\S+(?: \S+){0,2}/.exec(text)?.[0] ?? text.slice(0, 10);
}

async function writeSample(
  model: GPT,
  { tokenizer, prompt, seed }: { tokenizer: Tokenizer; prompt: string; seed: number },
): Promise<string> {
  let text = prompt;
  for await (const piece of streamText(model, tokenizer, prompt, {
    maxNewTokens: 200,
    temperature: 0.8,
    topK: 50,
    seed,
  }))
    text += piece;
  return text;
}
