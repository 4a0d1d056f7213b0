import {
  describeOptions,
  familyOfRun,
  type OptionSpecs,
  type OptionValues,
  parseOptions,
  readOptionFile,
  readOptionObject,
  runCommand,
  SESSION_OPTIONS,
  UsageError,
} from '@formers/cli';

import { FAMILIES } from './families/index.ts';
import type { Family } from './family.ts';
import { startRun } from './run.ts';

await runCommand(
  'pretrain',
  async (signal) => {
    const { family, rest } = await takeFamily(process.argv.slice(2));
    const given = await readOptions(rest, { ...family.options, ...SESSION_OPTIONS });
    if (given.help) return void process.stdout.write(helpOf(family));
    await startRun(family, { given, signal });
  },
  { specs: Object.assign({}, SESSION_OPTIONS, ...FAMILIES.map(({ options }) => options)) as OptionSpecs },
);

function helpOf(family: Family): string {
  const names = FAMILIES.map(({ name }) => name);
  const isDefault = family === FAMILIES[0];
  return `${family.about}

  npx pnpm@12 pretrain ${isDefault ? '' : `--family ${family.name} `}[options]

  --family ${names.join('|')}
                             what to train (default ${FAMILIES[0].name}); --family <name> --help tells of its options
${describeOptions({ ...family.options, ...SESSION_OPTIONS })}

${family.examples.map((example) => `  npx pnpm@12 pretrain${example === '' ? '' : ` ${example}`}`).join('\n')}

Ctrl-C saves a checkpoint and stops; --resume goes on from there as if the run had never stopped.
`;
}

/** `--family` says which options there are, so it is read before them; a run that is resumed, or a file of options, knows its own. */
async function takeFamily(args: readonly string[]): Promise<{ family: Family; rest: string[] }> {
  const asked = takeValue(args, '--family');
  const { value: config } = takeValue(args, '--config');
  const file = config ? await readOptionObject(config) : {};
  const { value: resume = file['resume'] } = takeValue(args, '--resume');
  const saved = typeof resume === 'string' && resume !== '' ? await familyOfRun(resume) : undefined;
  const name = asked.value ?? saved ?? file['family'] ?? FAMILIES[0].name;
  if (name === 'finetune')
    throw new UsageError(
      saved
        ? `--resume ${String(resume)}: is a run of finetune: npx pnpm@12 finetune --resume ${String(resume)}`
        : `--config ${config}: holds options of finetune`,
    );
  const family = FAMILIES.find((one) => one.name === name);
  if (!family)
    throw new UsageError(
      `--family must be one of ${FAMILIES.map((one) => one.name).join(', ')}, got ${JSON.stringify(name)}`,
    );
  if (saved !== undefined && saved !== name)
    throw new UsageError(`--family is ${JSON.stringify(saved)} in the run to resume, got ${JSON.stringify(name)}`);
  return { family, rest: asked.rest };
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
async function readOptions<Specs extends OptionSpecs & typeof SESSION_OPTIONS>(
  args: readonly string[],
  specs: Specs,
): Promise<OptionValues<Specs>> {
  const flags = parseOptions(args, specs);
  const { config } = flags as OptionValues<typeof SESSION_OPTIONS>;
  const file = config === undefined ? {} : await readOptionFile(config, specs);
  return { ...file, ...flags };
}
