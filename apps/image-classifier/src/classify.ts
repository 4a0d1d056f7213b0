import { parseArgs } from 'node:util';

import { cpu, FormersError, useBackend } from '@formers/backend';
import { simd } from '@formers/backend-simd';
import { CheckpointError } from '@formers/checkpoints';
import { ImageError, loadImage } from '@formers/images';

import { ImageClassifier, topLabels } from './model/image-classifier.ts';

const HELP = `Classifies image files with a Vision Transformer.

  npx pnpm@12 classify --model <folder> <image files> [options]

  --model <folder>   a Hugging Face ViT folder: a path, a URL, or a name on the Hugging Face hub
  --top-k <n>        how many labels of each file to print, the likeliest first (default 3)
  --json             one JSON object per file: {"file", "labels": [{"label", "score"}]} or {"file", "error"}
  --engine <name>    auto, simd or cpu (default auto: the fastest there is)
  --help             this text

  npx pnpm@12 classify --model apps/image-classifier/public/model seven.png
  npx pnpm@12 classify --model google/vit-base-patch16-224 --top-k 5 --json photos/*.jpg

A file that can't be classified is told of in one line, the others go on; the exit code is then 1.
`;

const OPTIONS = {
  model: { type: 'string' },
  'top-k': { type: 'string' },
  json: { type: 'boolean' },
  engine: { type: 'string' },
  help: { type: 'boolean' },
} as const;

/** Something wrong with what the user typed; the message is all that is shown. */
class UsageError extends Error {}

interface Options {
  readonly model: string;
  readonly files: readonly string[];
  readonly topK: number;
  readonly json: boolean;
  readonly engine: string;
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') process.stdout.write(HELP);
  else await classify(options);
} catch (error) {
  if (!isForUsers(error)) throw error;
  console.error(`classify: ${error.message}`);
  process.exitCode = 1;
}

async function classify({ model, files, topK, json, engine }: Options): Promise<void> {
  await startEngine(engine);
  using classifier = await ImageClassifier.open(model);
  const { labels } = classifier.config;
  for (const file of files) {
    try {
      const { probabilities } = await classifier.classify(await loadImage(file));
      const top = topLabels(probabilities, { labels, count: topK });
      const line = `${file}: ${top.map(({ label, score }) => `${label} ${score.toFixed(4)}`).join(', ')}`;
      console.log(json ? JSON.stringify({ file, labels: top }) : line);
    } catch (error) {
      if (!ImageError.isInstance(error)) throw error;
      const message = error.message.replace(/^decodeImage: /, '');
      if (json) console.log(JSON.stringify({ file, error: message }));
      console.error(`classify: ${file}: ${message}`);
      process.exitCode = 1;
    }
  }
}

async function startEngine(engine: string): Promise<void> {
  if (engine === 'simd') await useBackend(simd());
  else if (engine === 'cpu') await useBackend(cpu());
  else await useBackend(simd(), cpu());
}

function readOptions(args: string[]): Options | 'help' {
  const { values, positionals: files } = parse(args);
  const { model, 'top-k': topK = '3', json = false, engine = 'auto' } = values;
  if (values.help === true) return 'help';
  if (!model) throw new UsageError('--model is missing; see --help');
  if (files.length === 0) throw new UsageError('there are no image files; see --help');
  if (!/^[1-9]\d{0,8}$/.test(topK))
    throw new UsageError(`--top-k must be a whole number from 1, got ${JSON.stringify(topK)}`);
  if (!['auto', 'simd', 'cpu'].includes(engine)) {
    throw new UsageError(`--engine must be one of auto, simd, cpu, got ${JSON.stringify(engine)}`);
  }
  return { model, files, topK: Number(topK), json, engine };
}

function parse(args: string[]): ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>> {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split(/\. To specify|\n/)[0]}; see --help`);
  }
}

/** Errors whose message says all that a user needs. Others are defects of ours, and keep their stack trace. */
function isForUsers(error: unknown): error is Error {
  return error instanceof UsageError || error instanceof FormersError || CheckpointError.isInstance(error);
}
