import { parseArgs } from 'node:util';

import { cpu, useBackend } from '@formers/backend';
import { simd } from '@formers/backend-simd';
import { makeRunFolder } from '@formers/cli';

import type { ExampleOptions } from './options.ts';

const HELP = `Trains a small Transformer for a task, and says how well it does on what it never saw.

  npx pnpm@12 example <name> [--seed n] [--steps n] [--out folder]

  copy           an encoder-decoder writes what it reads (less than a minute)
  addition       a GPT adds numbers of three digits (about a minute)
  pronunciation  the original Transformer says how English words are pronounced (about 20 minutes)

  --seed   of all random numbers (default 1)
  --steps  how long to train; default as long as the example needs
  --out    folder for the trained model
`;

type Example = (options: ExampleOptions) => Promise<unknown>;

const EXAMPLES: ReadonlyMap<string, () => Promise<Example>> = new Map<string, () => Promise<Example>>([
  ['copy', async () => (await import('./copy.ts')).learnToCopy],
  ['addition', async () => (await import('./addition.ts')).learnToAdd],
  ['pronunciation', async () => (await import('./pronunciation.ts')).learnToPronounce],
]);

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: 'string', default: '1' },
      steps: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  const [name = ''] = positionals;
  const example = EXAMPLES.get(name);
  if (!example || positionals.length > 1)
    throw new Error(`the name must be one of ${[...EXAMPLES.keys()].join(', ')}; see --help`);
  const options = {
    seed: wholeNumber('seed', values.seed),
    ...(values.steps !== undefined && { steps: wholeNumber('steps', values.steps) }),
    ...(values.out !== undefined && { out: values.out }),
  };
  if (values.out !== undefined) await makeRunFolder(values.out); // before the training, not after it
  const { name: engine, threads } = await useBackend(simd(), cpu());
  console.log(`engine ${engine}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`);
  await (
    await example()
  )(options);
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} must be a whole number, got ${text}`);
  return Number(text);
}

try {
  await main();
} catch (error) {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split(/\n|\. To specify/);
  console.error(`example: ${line}`);
  process.exitCode = 1;
}
