import path from 'node:path';

import type { JsonObject } from '@formers/checkpoints';
import {
  count,
  createReporter,
  describeEngine,
  duration,
  followRun,
  freeFolder,
  grouped,
  readRunConfig,
  saveRunConfig,
  scheduleOf,
  startEngine,
} from '@formers/cli';
import { TokenWindows } from '@formers/data';
import { streamText } from '@formers/generation';
import { GPT, type GPTOptions } from '@formers/gpt';
import { Tokenizer } from '@formers/tokenizers';
import { AdamW, findCheckpoint, meanLoss, Trainer } from '@formers/training';

import { loadCorpus, splitText } from './corpus.ts';
import { type GivenGptOptions, type GptRunConfig, gptRunConfig, resumedGptConfig } from './gpt-options.ts';
import { createTokenizer, tokenizerHash } from './tokenizers.ts';

/** Tokens of the held-out text that an engine in plain JavaScript looks at; others look at all. */
const SLOW_EVALUATION = 4096;

/** Share of the text that is held out, at its end. */
const HELD_OUT = 0.1;

/** Pre-trains a GPT, or goes on with a run. Returns when all steps are made or `signal` stopped it. */
export async function pretrainGpt(given: GivenGptOptions, { signal }: { signal: AbortSignal }): Promise<void> {
  const checkpoint = given.resume === undefined ? undefined : await findCheckpoint(given.resume);
  const choice = await startEngine(given);
  const isSlow = choice.name === 'cpu';
  const config = checkpoint
    ? resumedGptConfig(await readRunConfig(path.dirname(checkpoint.folder)), given)
    : gptRunConfig(given, { isSlow });
  const report = createReporter({ ...given, steps: config.steps });

  const corpus = await loadCorpus(config);
  const parts = splitText(corpus.text, HELD_OUT);
  const tokenizer = checkpoint
    ? await Tokenizer.fromPretrained(checkpoint.folder)
    : await createTokenizer(config.tokenizer, { ...corpus, train: parts.train, vocabSize: config.vocabSize });
  const { vocabSize } = tokenizer;
  const { contextLength: seqLen, batchSize, accumulationSteps, seed, steps } = config;
  const train = new TokenWindows(tokenizer.encodeIds(parts.train), { seqLen, vocabSize });
  const heldOut = tokenizer.encodeIds(parts.validation);
  const validation = new TokenWindows(isSlow ? heldOut.subarray(0, SLOW_EVALUATION) : heldOut, { seqLen, vocabSize });
  const data = train.batches({ batchSize, seed });
  const out = given.out ?? (checkpoint ? path.dirname(checkpoint.folder) : await freeFolder(nameOf(config)));

  using model = checkpoint
    ? await GPT.fromPretrained(checkpoint.folder)
    : new GPT(modelOptions(config, tokenizer), { seed });
  const { beta2, weightDecay, clipNorm } = config;
  using optimizer = new AdamW(model, {
    learningRate: scheduleOf(config),
    beta2,
    weightDecay,
    ...(clipNorm > 0 && { clipNorm }),
    seed,
  });
  const bitsPerNat = heldOut.length / Math.max(1, [...parts.validation].length) / Math.LN2; // per character, from nats per token
  const trainer = new Trainer({
    model,
    optimizer,
    data,
    loss: ({ inputs, targets }) => model.loss(inputs, { targets }),
    steps,
    accumulationSteps,
    evaluate: async () => {
      const loss = await meanLoss(validation.sequential({ batchSize: 4 * batchSize }), ({ inputs, targets }) =>
        model.loss(inputs, { targets }),
      );
      return { loss, bits_per_character: loss * bitsPerNat };
    },
    evalEvery: given.evalEvery ?? 250,
    saveEvery: given.saveEvery ?? 500,
    saveLimit: 2,
    out,
    save: async (folder) => {
      await model.savePretrained(folder);
      await tokenizer.savePretrained(folder);
    },
    signal,
    config: { tokenizer: tokenizerHash(tokenizer), model: JSON.parse(JSON.stringify(model.config)) as JsonObject },
  });
  if (checkpoint) await trainer.load(checkpoint);
  await saveRunConfig(out, config);

  const tokensPerStep = batchSize * seqLen * accumulationSteps;
  const partly =
    validation.numTokens < heldOut.length
      ? ` (of which ${grouped(validation.numTokens)} are evaluated on this engine)`
      : '';
  report.note(`engine      ${describeEngine(choice)}`);
  report.note(
    `model       GPT-2, ${grouped(model.numParameters)} parameters: ${count(config.numLayers, 'layer')}, ${count(config.numHeads, 'head')}, ${config.dim} wide, context of ${seqLen} tokens`,
  );
  report.note(
    `data        ${corpus.name}: ${grouped(corpus.text.length)} characters, ${vocabSize} kinds of tokens (${config.tokenizer})`,
  );
  report.note(
    `split       ${grouped(train.numTokens)} tokens to learn, the last ${grouped(heldOut.length)} held out${partly}`,
  );
  report.note(
    `steps       ${grouped(steps)} of ${grouped(tokensPerStep)} tokens${checkpoint ? `, going on after step ${checkpoint.step}` : ''}`,
  );
  for (const skipped of checkpoint?.skipped ?? []) report.note(`skipped     ${skipped.folder}: ${skipped.reason}`);

  const facts = { parameters: model.numParameters, tokens_per_step: tokensPerStep, engine: choice.name };
  const summary = await followRun(trainer, { report, steps, facts });
  const isComplete = summary.reason === 'completed';
  const prompt = firstWords(parts.validation);
  if (isComplete) {
    const sample = await writeSample(model, { tokenizer, prompt, seed });
    summary['sample'] = sample;
    report.note(`\n${sample}\n`);
  }
  report.note(`${isComplete ? 'finished' : `stopped after step ${summary.step}`} in ${duration(summary.seconds)}`);
  report.note(`checkpoint  ${summary.checkpoint ?? 'none'}`);
  report.note(`sample      npx pnpm@12 generate --model ${out} --prompt ${JSON.stringify(prompt)}`);
  report.note(`resume      npx pnpm@12 pretrain --resume ${out}${isComplete ? ` --steps ${2 * steps}` : ''}`);
  report.summary(summary);
}

function modelOptions(
  { contextLength, dim, numHeads, numLayers, dropout }: GptRunConfig,
  { vocabSize, bosTokenId, eosTokenId, padTokenId }: Tokenizer,
): GPTOptions {
  return { vocabSize, contextLength, dim, numHeads, numLayers, dropout, bosTokenId, eosTokenId, padTokenId };
}

function nameOf({ text, dataset = 'run' }: GptRunConfig): string {
  const [first = dataset] = text ?? [];
  return path
    .basename(first)
    .replace(/\.\w+$/, '')
    .replaceAll(/[^\w.-]+/g, '-');
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
