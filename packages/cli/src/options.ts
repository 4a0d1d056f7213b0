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
    given.map(([name, value]) => [name, readValue(name, value, specs[name] as OptionSpec)]),
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
 * Reads options from a JSON file with camelCase keys.
 *
 * @throws {@link UsageError} for a file that can't be read, an unknown key, or a value of the wrong kind.
 */
export async function readOptionFile<Specs extends OptionSpecs>(
  file: string,
  specs: Specs,
): Promise<OptionValues<Specs>> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new UsageError(
      `--config ${file}: ${error instanceof SyntaxError ? `is not JSON (${error.message})` : 'cannot be read'}`,
    );
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new UsageError(`--config ${file}: must be an object of options`);
  const entries = Object.entries(json as Record<string, unknown>).map(([name, value]) => {
    const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
    if (!spec) throw new UsageError(`--config ${file}: there is no option "${name}"`);
    return [name, readValue(name, typeof value === 'number' ? String(value) : value, spec)];
  });
  return Object.fromEntries(entries) as OptionValues<Specs>;
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
              { type: kind === 'flag' ? ('boolean' as const) : ('string' as const), multiple: kind === 'texts' },
            ],
          ],
    ),
  );
  try {
    return parseArgs({ args: [...args], options, allowPositionals, strict: true });
  } catch (error) {
    const [line = 'malformed options'] = (error as Error).message.split('. To specify');
    throw new UsageError(`${line.split('\n')[0]}; see --help`);
  }
}

function readValue(name: string, value: unknown, { kind, least, below, among }: OptionSpec): unknown {
  const flag = `--${kebabCase(name)}`;
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
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
      const range = `${least === undefined ? '' : ` from ${least}`}${below === undefined ? '' : ` below ${below}`}`;
      const fits =
        Number.isFinite(number) &&
        number >= (least ?? -Infinity) &&
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
