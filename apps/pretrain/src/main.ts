import {
  describeOptions,
  familyOfRun,
  type OptionSpecs,
  type OptionValues,
  parseOptions,
  readOptionFile,
  runCommand,
  UsageError,
} from '@formers/cli';
import { GPT_OPTIONS } from './gpt-options.ts';
import { pretrainGpt } from './pretrain-gpt.ts';
import { pretrainVit } from './pretrain-vit.ts';
import { VIT_OPTIONS } from './vit-options.ts';

const RESUME = 'Ctrl-C saves a checkpoint and stops; --resume goes on from there as if the run had never stopped.\n';

const GPT_HELP = `Pre-trains a GPT on text, from scratch.

  npx pnpm@12 pretrain [options]

  --family gpt|vit           what to train (default gpt); --family vit --help tells of the other options
${describeOptions(GPT_OPTIONS)}

  npx pnpm@12 pretrain
  npx pnpm@12 pretrain --text 'books/*.txt' --tokenizer bpe --vocab-size 4096 --dim 192 --num-layers 6 --num-heads 6
  npx pnpm@12 pretrain --dataset sotu --steps 5000 --json > log.jsonl
  npx pnpm@12 pretrain --resume checkpoints/moby-dick --steps 6000

${RESUME}`;

const VIT_HELP = `Trains a Vision Transformer to classify images, from scratch.

  npx pnpm@12 pretrain --family vit [options]

${describeOptions(VIT_OPTIONS)}

  npx pnpm@12 pretrain --family vit --dataset mnist
  npx pnpm@12 pretrain --family vit --images photos --image-size 64 --patch-size 8 --dim 192 --num-layers 6 --num-heads 6
  npx pnpm@12 pretrain --resume checkpoints/vit-mnist --steps 6000

${RESUME}`;

await runCommand('pretrain', async (signal) => {
  const { family, rest } = await takeFamily(process.argv.slice(2));
  if (family === 'vit') {
    const given = await readOptions(rest, VIT_OPTIONS);
    return given.help ? void process.stdout.write(VIT_HELP) : pretrainVit(given, { signal });
  }
  const given = await readOptions(rest, GPT_OPTIONS);
  return given.help ? void process.stdout.write(GPT_HELP) : pretrainGpt(given, { signal });
});

/** `--family` says which options there are, so it is read before them; a run that is resumed knows its own. */
async function takeFamily(args: readonly string[]): Promise<{ family: string; rest: string[] }> {
  const family = takeValue(args, '--family');
  if (family.value !== undefined) {
    if (family.value === 'gpt' || family.value === 'vit') return { family: family.value, rest: family.rest };
    throw new UsageError(`--family must be one of gpt, vit, got ${JSON.stringify(family.value)}`);
  }
  const { value: resume } = takeValue(args, '--resume');
  return { family: (resume && (await familyOfRun(resume))) ?? 'gpt', rest: [...args] };
}

/** The value of a flag, and the arguments without it. */
function takeValue(args: readonly string[], flag: string): { value: string | undefined; rest: string[] } {
  const at = args.findIndex((arg) => arg === flag || arg.startsWith(`${flag}=`));
  if (at < 0) return { value: undefined, rest: [...args] };
  const isJoined = args[at] !== flag;
  return {
    value: isJoined ? args[at]?.slice(flag.length + 1) : (args[at + 1] ?? ''),
    rest: args.toSpliced(at, isJoined ? 1 : 2),
  };
}

/** The flags, and below them what `--config` says. */
async function readOptions<Specs extends OptionSpecs & { config: { kind: 'text'; help: string } }>(
  args: readonly string[],
  specs: Specs,
): Promise<OptionValues<Specs>> {
  const flags = parseOptions(args, specs);
  const file = flags.config === undefined ? {} : await readOptionFile(flags.config as string, specs);
  return { ...file, ...flags };
}
