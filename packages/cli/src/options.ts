import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

/** Something wrong with what the user typed; the message is all that is shown. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
}

/** One option of a command: its kind, and its line in the help. */
export interface OptionSpec {
  /** `texts` may be given several times, and takes the words after it; `words` are what has no flag. */
  readonly kind: 'whole' | 'number' | 'text' | 'texts' | 'words' | 'flag';
  readonly help: string;
  /** Smallest value of a number. */
  readonly least?: number;
  /** A number has to be above it. */
  readonly above?: number;
  /** A number has to be below it. */
  readonly below?: number;
  /** The values that a text may have. */
  readonly among?: readonly string[];
}

/** Options by their camelCase names. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The values of options that were given. */
export type OptionValues<Specs extends OptionSpecs> = {
  -readonly [Name in keyof Specs]?: Specs[Name]['kind'] extends 'whole' | 'number'
    ? number
    : Specs[Name]['kind'] extends 'flag'
      ? boolean
      : Specs[Name]['kind'] extends 'texts' | 'words'
        ? string[]
        : string;
};

/** Values of options by name, whatever the options. */
export type GivenValues = Readonly<Record<string, unknown>>;

/**
 * Reads long kebab-case flags. Words after the last value of a `texts` option belong to it.
 *
 * @throws {@link UsageError} for an unknown flag, a missing value, or one of the wrong kind.
 */
export function parseOptions<Specs extends OptionSpecs>(args: readonly string[], specs: Specs): OptionValues<Specs> {
  const nameOf = (kind: OptionSpec['kind']): string | undefined =>
    Object.keys(specs).find((name) => specs[name]?.kind === kind);
  const [texts, words] = [nameOf('texts'), nameOf('words')];
  const { values, positionals } = parse(args, { specs, allowPositionals: (texts ?? words) !== undefined });
  const given = Object.entries(values).map(([flag, value]) => [camelCase(flag), value] as const);
  const result = Object.fromEntries(
    given.map(([name, value]) => [name, readValue(`--${kebabCase(name)}`, value, specs[name] as OptionSpec)]),
  ) as Record<string, unknown>;
  if (positionals.length > 0 && words !== undefined) result[words] = positionals;
  else if (positionals.length > 0) {
    if (texts === undefined || result[texts] === undefined)
      throw new UsageError(`"${positionals[0]}" is no option; see --help`);
    result[texts] = [...(result[texts] as string[]), ...positionals];
  }
  return result as OptionValues<Specs>;
}

/**
 * Reads options from a JSON file with camelCase keys; `run.json` of a run is one, whose `family` says which command's options it has.
 *
 * @throws {@link UsageError} for a file that can't be read, an unknown key, or a value of the wrong kind.
 */
export async function readOptionFile<Specs extends OptionSpecs>(
  file: string,
  specs: Specs,
): Promise<OptionValues<Specs>> {
  const { family: _, session, ...options } = await readOptionObject(file);
  const all = { ...options, ...(isObject(session) ? session : session === undefined ? {} : { session }) };
  const entries = Object.entries(all).map(([name, value]) => {
    const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
    if (!spec) {
      const spelt = camelCase(name.replace(/^--/, ''));
      const hint = Object.hasOwn(specs, spelt) ? `; here it is spelt "${spelt}"` : '';
      throw new UsageError(`--config ${file}: there is no option "${name}"${hint}`);
    }
    return [name, readValue(`--config ${file}: ${name}`, value, spec)];
  });
  return Object.fromEntries(entries) as OptionValues<Specs>;
}

/** The object in a file of options, as it stands there. @throws {@link UsageError} for a file that can't be read or has none. */
export async function readOptionObject(file: string): Promise<Readonly<Record<string, unknown>>> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new UsageError(
      `--config ${file}: ${error instanceof SyntaxError ? `is not JSON (${error.message})` : `can't be read: ${(error as Error).message}`}`,
    );
  }
  if (isObject(json)) return json;
  throw new UsageError(`--config ${file}: must be an object of options`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The help lines of all options. */
export function describeOptions(specs: OptionSpecs): string {
  const placeholders = {
    whole: ' <n>',
    number: ' <x>',
    text: ' <text>',
    texts: ' <files>...',
    words: ' ...',
    flag: '',
  } as const;
  const width = 26;
  const lines = Object.entries(specs).map(([name, { kind, among, help }]) => {
    const flag = kind === 'words' ? `<${name}>` : `--${kebabCase(name)}`;
    const choices = among?.join('|');
    const isShort = choices !== undefined && flag.length + choices.length < width;
    return `  ${`${flag}${isShort ? ` ${choices}` : placeholders[kind]}`.padEnd(width)} ${help}${choices !== undefined && !isShort ? `: ${choices}` : ''}`;
  });
  return lines.join('\n');
}

function parse(
  args: readonly string[],
  { specs, allowPositionals }: { specs: OptionSpecs; allowPositionals: boolean },
): { values: object; positionals: string[] } {
  const options = Object.fromEntries(
    Object.entries(specs).flatMap(([name, { kind }]) =>
      kind === 'words'
        ? []
        : [
            [
              kebabCase(name),
              {
                type: kind === 'flag' ? ('boolean' as const) : ('string' as const),
                multiple: kind === 'texts',
                ...(name === 'help' && { short: 'h' }),
              },
            ],
          ],
    ),
  );
  try {
    return parseArgs({ args: withNegatives(args, specs), options, allowPositionals, strict: true });
  } catch (error) {
    throw new UsageError(`${inWordsOfUsers(error as Error)}; see --help`);
  }
}

/** What parseArgs says of what it doesn't take. */
function inWordsOfUsers({ message }: Error): string {
  const [, flag = ''] = /^Option '(?:-\w, )?(--[\w-]+)/.exec(message) ?? [];
  if (message.includes('ambiguous'))
    return `${flag} needs a value; one that starts with a dash is written ${flag}=-...`;
  if (message.includes('argument missing')) return `${flag} needs a value`;
  if (message.includes('does not take an argument')) return `${flag} takes no value`;
  return message.split(/\n|\. To specify/)[0] ?? message;
}

/** The arguments with negative numbers joined to the flags of numbers before them, which parseArgs takes for flags otherwise. */
function withNegatives(args: readonly string[], specs: OptionSpecs): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const flag = joined.at(-1) ?? '';
    const kind = flag.startsWith('--') ? specs[camelCase(flag.slice(2))]?.kind : undefined;
    if (/^-[\d.]/.test(arg) && (kind === 'whole' || kind === 'number')) joined[joined.length - 1] = `${flag}=${arg}`;
    else joined.push(arg);
  }
  return joined;
}

function readValue(flag: string, value: unknown, { kind, least, above, below, among }: OptionSpec): unknown {
  const wrong = (wanted: string): never => {
    throw new UsageError(`${flag} must be ${wanted}, got ${JSON.stringify(value)}`);
  };
  switch (kind) {
    case 'flag':
      return typeof value === 'boolean' ? value : wrong('true or false');
    case 'texts':
    case 'words':
      return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string')
        ? value
        : wrong('a list of texts');
    case 'text':
      if (typeof value !== 'string' || value === '') return wrong('a text that is not empty');
      return among && !among.includes(value) ? wrong(`one of ${among.join(', ')}`) : value;
    case 'whole':
    case 'number': {
      const isText = typeof value === 'string' && value.trim() !== '';
      const number = isText || typeof value === 'number' ? Number(value) : Number.NaN;
      const range = [
        ...(least === undefined ? [] : [` from ${least}`]),
        ...(above === undefined ? [] : [` above ${above}`]),
        ...(below === undefined ? [] : [`${above === undefined ? '' : ' and'} below ${below}`]),
      ].join('');
      const fits =
        Number.isFinite(number) &&
        number >= (least ?? -Infinity) &&
        number > (above ?? -Infinity) &&
        number < (below ?? Infinity) &&
        (kind === 'number' || Number.isSafeInteger(number));
      return fits ? number : wrong(`a ${kind === 'whole' ? 'whole number' : 'number'}${range}`);
    }
  }
}

/** `numLayers` as `num-layers`. */
export function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]|\d+/g, (part) => (/\d/.test(part) ? part : `-${part.toLowerCase()}`));
}

function camelCase(flag: string): string {
  return flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
