import { setImmediate } from 'node:timers/promises';

import {
  describeOptions,
  ENGINES,
  modelFolder,
  type OptionSpecs,
  parseOptions,
  runCommand,
  startEngine,
  STORAGES,
  UsageError,
} from '@formers/cli';
import { streamText } from '@formers/generation';
import {
  type AnyCausalLM,
  type AnySeq2SeqLM,
  AutoConfig,
  AutoModelForCausalLM,
  AutoModelForSeq2SeqLM,
} from '@formers/pipelines';
import { Tokenizer } from '@formers/tokenizers';

const OPTIONS = {
  model: { kind: 'text', help: 'folder of a run or a checkpoint, a URL, or a name on the Hugging Face hub' },
  prompt: { kind: 'text', help: 'the text to go on with' },
  maxNewTokens: {
    kind: 'whole',
    least: 1,
    help: 'length of what is written, in tokens (default 200, or what the model can)',
  },
  temperature: {
    kind: 'number',
    least: 0,
    help: 'below 1 surer, above 1 wilder, 0 always the likeliest (default 0.8)',
  },
  topK: { kind: 'whole', least: 1, help: 'choose among the likeliest only (default 50)' },
  topP: { kind: 'number', least: 0, help: 'choose among the likeliest that have this share together (default 1)' },
  repetitionPenalty: { kind: 'number', above: 0, help: 'above 1 avoids what was written before (default 1)' },
  seed: { kind: 'whole', least: 0, help: 'of the random choices (default another one each time)' },
  engine: { kind: 'text', among: ENGINES, help: 'what to compute on (default auto: the fastest there is)' },
  storage: {
    kind: 'text',
    among: STORAGES,
    help: 'how the webgpu engine keeps weights: f16 takes half the memory (default f32)',
  },
  threads: { kind: 'whole', least: 1, help: 'threads of the simd engine (default one per core)' },
  help: { kind: 'flag', help: 'this text' },
} as const satisfies OptionSpecs;

const HELP = `Goes on with a text; with an encoder-decoder, writes what it makes of it.

  npx pnpm@12 generate --model <folder> --prompt <text> [options]

${describeOptions(OPTIONS)}

  npx pnpm@12 generate --model checkpoints/moby-dick --prompt 'Call me'
  npx pnpm@12 generate --model openai-community/gpt2 --prompt 'The whale' --temperature 0
`;

await runCommand(
  'generate',
  async (signal) => {
    const {
      help,
      model: location,
      prompt,
      engine,
      storage,
      threads,
      maxNewTokens: length,
      temperature = 0.8,
      topK = 50,
      topP,
      repetitionPenalty,
      seed,
    } = parseOptions(process.argv.slice(2), OPTIONS);
    if (help) return void process.stdout.write(HELP);
    if (location === undefined || prompt === undefined)
      throw new UsageError(`--${location === undefined ? 'model' : 'prompt'} is missing; see --help`);
    if (topP !== undefined && topP > 1) throw new UsageError(`--top-p must be at most 1, got ${topP}`);
    await startEngine({ engine, storage, threads });
    const folder = await modelFolder(location);
    using model = await openWriter(folder, { location, signal });
    const tokenizer = await Tokenizer.fromPretrained(folder, { signal });
    const most = 'encode' in model ? model.config.contextLength - 1 : Infinity; // decoders let their context slide
    const maxNewTokens = length ?? Math.min(200, most);
    if (maxNewTokens > most)
      throw new UsageError(`--max-new-tokens must be at most ${most}, what this model can write, got ${maxNewTokens}`);
    for (const parameter of model.parameters()) parameter.trainable = false; // so that f16 storage is for them, too
    const sampling =
      temperature === 0
        ? { doSample: false }
        : { doSample: true, temperature, topK, ...(topP !== undefined && { topP }) };
    tokenizer.encode(prompt); // complains of what it doesn't know before anything is written
    if (!('encode' in model)) process.stdout.write(prompt);
    const options = {
      ...sampling,
      maxNewTokens,
      signal,
      ...(repetitionPenalty !== undefined && { repetitionPenalty }),
      ...(seed !== undefined && { seed }),
    };
    for await (const piece of streamText(model, tokenizer, prompt, options)) {
      process.stdout.write(piece);
      await setImmediate(); // lets Ctrl-C be heard
    }
    process.stdout.write('\n');
  },
  { specs: OPTIONS, saves: false },
);

/** Any model that writes. */
async function openWriter(
  folder: string,
  { location, ...options }: { location: string; signal: AbortSignal },
): Promise<AnyCausalLM | AnySeq2SeqLM> {
  const { modelType, architectures } = await AutoConfig.fromPretrained(folder, options);
  const writers = [...new Set([...AutoModelForCausalLM.modelTypes, ...AutoModelForSeq2SeqLM.modelTypes])].toSorted();
  if (!writers.includes(modelType))
    throw new UsageError(
      `--model ${location} is a ${architectures[0] ?? modelType}, which writes no text; of those that do, model_type is one of ${writers.join(', ')}`,
    );
  const isDecoder = architectures.some((name) => name.endsWith('ForCausalLM')); // also of an encoder-decoder
  return AutoModelForSeq2SeqLM.modelTypes.includes(modelType) && !isDecoder
    ? AutoModelForSeq2SeqLM.fromPretrained(folder, options)
    : AutoModelForCausalLM.fromPretrained(folder, options);
}
