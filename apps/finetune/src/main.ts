import { describeOptions, parseOptions, readOptionFile, runCommand } from '@formers/cli';

import { finetune } from './finetune.ts';
import { FINETUNE_OPTIONS } from './options.ts';

const HELP = `Fine-tunes a model on a task, and leaves the best state as a Hugging Face folder.

  npx pnpm@12 finetune --model <folder or name> --task <task> --data <files or data set> [options]

${describeOptions(FINETUNE_OPTIONS)}

Columns: text and label (pair for a second text); tokens and tags; question, context and answers as in SQuAD; source and target, or document and
summary, or translation; text. Images lie in one folder per class. apps/finetune/examples has a small file of each.

  npx pnpm@12 finetune --model checkpoints/bert --task text-classification --data spam-assassin --learning-rate 3e-4
  npx pnpm@12 finetune --model distilbert/distilbert-base-uncased --task token-classification --data ner.jsonl --lora
  npx pnpm@12 finetune --model google-t5/t5-small --task seq2seq --data news.csv --prefix 'summarize: '
  npx pnpm@12 finetune --resume checkpoints/bert-spam-assassin

Ctrl-C saves a checkpoint and stops; --resume goes on from there as if the run had never stopped.
`;

await runCommand(
  'finetune',
  async (signal) => {
    const flags = parseOptions(process.argv.slice(2), FINETUNE_OPTIONS);
    if (flags.help) return void process.stdout.write(HELP);
    const file = flags.config === undefined ? {} : await readOptionFile(flags.config, FINETUNE_OPTIONS);
    return finetune({ ...file, ...flags }, { signal });
  },
  { specs: FINETUNE_OPTIONS },
);
