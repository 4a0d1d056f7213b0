import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { JsonObject } from '@formers/checkpoints';
import { TokenWindows } from '@formers/data';
import { streamText } from '@formers/generation';
import { GPT, type GPTOptions } from '@formers/gpt';
import { Tokenizer } from '@formers/tokenizers';
import { AdamW, constant, findCheckpoint, meanLoss, nanoGptCosine, type Schedule, Trainer, warmupConstant, warmupLinear } from '@formers/training';

import { UsageError } from './cli-options.ts';
import { loadCorpus, splitText } from './corpus.ts';
import { describeEngine, startEngine } from './engine.ts';
import { createReporter, duration, type LogRecord } from './reporter.ts';
import { type GivenOptions, resumedConfig, type RunConfig, runConfig } from './run-options.ts';
import { createTokenizer, tokenizerHash } from './tokenizers.ts';

/** Tokens of the held-out text that an engine in plain JavaScript looks at; others look at all. */
const SLOW_EVALUATION = 4096;

/** Share of the text that is held out, at its end. */
const HELD_OUT = 0.1;

const RUN_FILE = 'run.json';

/** Pre-trains a GPT, or goes on with a run. Returns when all steps are made or `signal` stopped it. */
export async function pretrain(given: GivenOptions, { signal }: { signal: AbortSignal }): Promise<void> {
  const checkpoint = given.resume === undefined ? undefined : await findCheckpoint(given.resume);
  const choice = await startEngine(given);
  const isSlow = choice.name === 'cpu';
  const config = checkpoint ? resumedConfig(await readRunConfig(path.dirname(checkpoint.folder)), given) : runConfig(given, { isSlow });
  const report = createReporter({ ...given, steps: config.steps });

  const corpus = await loadCorpus(config);
  const parts = splitText(corpus.text, HELD_OUT);
  const tokenizer = checkpoint ? await Tokenizer.fromPretrained(checkpoint.folder) : await createTokenizer(config.tokenizer, { text: corpus.text, train: parts.train, vocabSize: config.vocabSize });
  const { vocabSize } = tokenizer;
  const { contextLength: seqLen, batchSize, accumulationSteps, seed, steps } = config;
  const train = new TokenWindows(tokenizer.encodeIds(parts.train), { seqLen, vocabSize });
  const heldOut = tokenizer.encodeIds(parts.validation);
  const validation = new TokenWindows(isSlow ? heldOut.subarray(0, SLOW_EVALUATION) : heldOut, { seqLen, vocabSize });
  const data = train.batches({ batchSize, seed });
  const out = checkpoint && given.out === undefined ? path.dirname(checkpoint.folder) : (given.out ?? (await freeFolder(config)));

  using model = checkpoint ? await GPT.fromPretrained(checkpoint.folder) : new GPT(modelOptions(config, tokenizer), { seed });
  using optimizer = new AdamW(model, {
    learningRate: schedule(config),
    beta2: config.beta2,
    weightDecay: config.weightDecay,
    ...(config.clipNorm > 0 && { clipNorm: config.clipNorm }),
    seed,
  });
  const tokensPerStep = batchSize * seqLen * accumulationSteps;
  const trainer = new Trainer({
    model,
    optimizer,
    data,
    loss: ({ inputs, targets }) => model.loss(inputs, { targets }),
    steps,
    accumulationSteps,
    evaluate: async () => ({ loss: await meanLoss(validation.sequential({ batchSize: 4 * batchSize }), ({ inputs, targets }) => model.loss(inputs, { targets })) }),
    evalEvery: given.evalEvery ?? 250,
    saveEvery: given.saveEvery ?? 500,
    saveLimit: 2,
    out,
    save: async (folder) => {
      await model.savePretrained(folder);
      await tokenizer.savePretrained(folder);
    },
    signal,
    config: { tokenizer: tokenizerHash(tokenizer), model: modelIdentity(model) },
  });
  if (checkpoint) await trainer.load(checkpoint);
  await saveRunConfig(out, config);

  report.note(`engine      ${describeEngine(choice)}`);
  report.note(`model       GPT-2, ${model.numParameters.toLocaleString('en')} parameters: ${count(config.numLayers, 'layer')}, ${count(config.numHeads, 'head')}, ${config.dim} wide, context of ${seqLen} tokens`);
  report.note(`data        ${corpus.name}: ${corpus.text.length.toLocaleString('en')} characters, ${vocabSize} kinds of tokens (${config.tokenizer})`);
  report.note(`split       ${train.numTokens.toLocaleString('en')} tokens to learn, the last ${heldOut.length.toLocaleString('en')} held out${validation.numTokens < heldOut.length ? ` (of which ${validation.numTokens.toLocaleString('en')} are evaluated on this engine)` : ''}`);
  report.note(`steps       ${steps.toLocaleString('en')} of ${tokensPerStep.toLocaleString('en')} tokens${checkpoint ? `, going on after step ${checkpoint.step}` : ''}`);
  for (const skipped of checkpoint?.skipped ?? []) report.note(`skipped     ${skipped.folder}: ${skipped.reason}`);

  const started = performance.now();
  const tokensPerCharacter = heldOut.length / Math.max(1, [...parts.validation].length);
  const summary: LogRecord & Record<string, unknown> = { step: trainer.step, parameters: model.numParameters, tokens_per_step: tokensPerStep, engine: choice.name };
  let reason = 'completed';
  try {
    for await (const event of trainer.run()) {
      switch (event.type) {
        case 'step': {
          const { step, loss, learningRate, gradientNorm, tokensPerSecond, secondsLeft } = event;
          const record = { step, loss, learning_rate: learningRate, grad_norm: gradientNorm, tokens_per_second: tokensPerSecond, seconds_left: secondsLeft };
          report.progress(record);
          if (step % 10 === 0 || step === steps || step === 1) report.log(record);
          Object.assign(summary, { step, loss, tokens_per_second: tokensPerSecond });
          break;
        }
        case 'evaluation': {
          const { loss = NaN } = event.metrics;
          const record = { eval_loss: loss, eval_bits_per_character: (loss / Math.LN2) * tokensPerCharacter };
          report.log({ step: event.step, ...record });
          Object.assign(summary, record);
          break;
        }
        case 'checkpoint':
          report.log({ step: event.step, checkpoint: event.folder });
          break;
        case 'done':
          reason = event.reason;
          Object.assign(summary, { step: event.step, checkpoint: event.checkpoint });
      }
    }
  } finally {
    report.close();
  }

  Object.assign(summary, { reason, seconds: Math.round((performance.now() - started) / 100) / 10 });
  if (reason === 'completed') {
    summary['sample'] = await writeSample(model, { tokenizer, prompt: firstLine(parts.validation), seed });
    report.note(`\n${String(summary['sample'])}\n`);
  }
  report.note(`${reason === 'completed' ? 'finished' : `stopped after step ${summary.step}`} in ${duration(Number(summary['seconds']))}`);
  report.note(`checkpoint  ${summary.checkpoint ?? 'none'}`);
  report.note(`sample      npx pnpm@12 generate --model ${out} --prompt ${JSON.stringify(firstLine(parts.validation))}`);
  report.note(`resume      npx pnpm@12 pretrain --resume ${out}${reason === 'completed' ? ` --steps ${2 * steps}` : ''}`);
  report.summary(summary);
}

function modelOptions({ contextLength, dim, numHeads, numLayers, dropout }: RunConfig, { vocabSize, bosTokenId, eosTokenId, padTokenId }: Tokenizer): GPTOptions {
  return { vocabSize, contextLength, dim, numHeads, numLayers, dropout, bosTokenId, eosTokenId, padTokenId };
}

/** The model's config as JSON, for the comparison with a run that is resumed. */
function modelIdentity({ config }: GPT): JsonObject {
  return JSON.parse(JSON.stringify(config)) as JsonObject;
}

function schedule({ schedule: name, learningRate: peak, minLearningRate: floor, warmupSteps: warmup, steps: total }: RunConfig): Schedule {
  if (floor > peak) throw new UsageError(`--min-learning-rate must be at most the learning rate ${peak}, got ${floor}`);
  if (name === 'constant') return warmup > 0 ? warmupConstant({ peak, warmup }) : constant({ peak });
  if (name === 'cosine') return nanoGptCosine({ peak, warmup, total, floor });
  const linear = warmupLinear({ peak: peak - floor, warmup, total });
  return (step) => (step < warmup ? (peak * step) / warmup : floor + linear(step));
}

/** `3 heads`, `1 head`. */
function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}

/** The first whole words of a text, for a prompt. */
function firstLine(text: string): string {
  return /(?<=\s)\S+(?: \S+){0,2}/.exec(text)?.[0] ?? text.slice(0, 10);
}

async function writeSample(model: GPT, { tokenizer, prompt, seed }: { tokenizer: Tokenizer; prompt: string; seed: number }): Promise<string> {
  let text = prompt;
  for await (const piece of streamText(model, tokenizer, prompt, { maxNewTokens: 200, doSample: true, temperature: 0.8, topK: 50, seed })) text += piece;
  return text;
}

async function readRunConfig(folder: string): Promise<RunConfig> {
  try {
    return JSON.parse(await readFile(path.join(folder, RUN_FILE), 'utf8')) as RunConfig;
  } catch {
    throw new UsageError(`--resume: ${folder} has no ${RUN_FILE} of a run that this command made`);
  }
}

async function saveRunConfig(out: string, config: RunConfig): Promise<void> {
  const temporary = path.join(out, `.tmp-${RUN_FILE}`);
  try {
    await mkdir(out, { recursive: true });
    await writeFile(temporary, `${JSON.stringify(config, null, 2)}\n`);
    await rename(temporary, path.join(out, RUN_FILE));
  } catch (error) {
    throw new UsageError(`--out ${out} can't be written to: ${(error as Error).message}`);
  }
}

/** `checkpoints/moby-dick`, or the next number that is free. */
async function freeFolder({ text, dataset }: RunConfig): Promise<string> {
  const name = text ? path.basename(text[0] ?? 'text').replace(/\.\w+$/, '').replaceAll(/[^\w.-]+/g, '-') : (dataset ?? 'run');
  for (let number = 1; ; number++) {
    const folder = path.join('checkpoints', number === 1 ? name : `${name}-${number}`);
    const entries = await readdir(folder).catch(() => []);
    if (entries.length === 0) return folder;
  }
}

