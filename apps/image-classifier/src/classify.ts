import {
  describeOptions,
  ENGINES,
  modelFolder,
  type OptionSpecs,
  parseOptions,
  runCommand,
  startEngine,
  UsageError,
} from '@formers/cli';
import { ImageError, loadImage } from '@formers/images';

import { ImageClassifier, topLabels } from './model/image-classifier.ts';

const OPTIONS = {
  model: { kind: 'text', help: 'a ViT: a folder of a run or a model, a URL, or a name on the Hugging Face hub' },
  files: { kind: 'words', help: 'image files' },
  topK: { kind: 'whole', least: 1, help: 'how many labels of each file to print, the likeliest first (default 3)' },
  json: {
    kind: 'flag',
    help: 'one JSON object per file: {"file", "labels": [{"label", "score"}]} or {"file", "error"}',
  },
  engine: { kind: 'text', among: ENGINES, help: 'what to compute on (default auto: the fastest there is)' },
  threads: { kind: 'whole', least: 1, help: 'threads of the simd engine (default one per core)' },
  help: { kind: 'flag', help: 'this text' },
} as const satisfies OptionSpecs;

const HELP = `Classifies image files with a Vision Transformer.

  npx pnpm@12 classify --model <folder> <image files> [options]

${describeOptions(OPTIONS)}

  npx pnpm@12 classify --model apps/image-classifier/public/model seven.png
  npx pnpm@12 classify --model google/vit-base-patch16-224 --top-k 5 --json photos/*.jpg

A file that can't be classified is told of in one line, the others go on; the exit code is then 1.
`;

await runCommand('classify', async (signal) => {
  const { help, model, files = [], topK = 3, json = false, ...engine } = parseOptions(process.argv.slice(2), OPTIONS);
  if (help) return void process.stdout.write(HELP);
  if (!model) throw new UsageError('--model is missing; see --help');
  if (files.length === 0) throw new UsageError('there are no image files; see --help');
  await startEngine(engine);
  using classifier = await ImageClassifier.open(await modelFolder(model));
  const { labels } = classifier.config;
  for (const file of files) {
    if (signal.aborted) return;
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
});
