import { describeOptions, parseOptions, readOptionFile } from './cli-options.ts';
import { runCommand } from './command.ts';
import { GPT_OPTIONS } from './gpt-options.ts';
import { pretrainGpt } from './pretrain-gpt.ts';

const GPT_HELP = `Pre-trains a GPT on text, from scratch.

  npx pnpm@12 pretrain [options]

${describeOptions(GPT_OPTIONS)}

  npx pnpm@12 pretrain
  npx pnpm@12 pretrain --text 'books/*.txt' --tokenizer bpe --vocab-size 4096 --dim 192 --num-layers 6 --num-heads 6
  npx pnpm@12 pretrain --dataset sotu --steps 5000 --json > log.jsonl
  npx pnpm@12 pretrain --resume checkpoints/moby-dick --steps 4000

Ctrl-C saves a checkpoint and stops; --resume goes on from there as if the run had never stopped.
`;

await runCommand('pretrain', async (signal) => {
  const flags = parseOptions(process.argv.slice(2), GPT_OPTIONS);
  if (flags.help) return void process.stdout.write(GPT_HELP);
  const file = flags.config === undefined ? {} : await readOptionFile(flags.config, GPT_OPTIONS);
  await pretrainGpt({ ...file, ...flags }, { signal });
});
