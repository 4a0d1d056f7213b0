import { kebabCase, type OptionSpecs } from './options.ts';

/** The name of a class or function of ours, before what it says. */
const SPEAKER = /^((?:[a-z]+(?=[A-Z])|[A-Z])\w*)(?:\.[a-z]\w*)?: /;

/**
 * What a library says of its functions' options, in the words of the command line: `GPTConfig: dim must be divisible by numHeads` as
 * `--dim must be divisible by --num-heads`.
 *
 * @param options.command Its name.
 * @param options.specs The options that the command has; names of others stay as they are.
 */
export function plainWords(message: string, { command, specs }: { command: string; specs: OptionSpecs }): string {
  const isNamesake = message.startsWith(`${command}: `); // a function of the command's name
  const [speaker = '', name = ''] = isNamesake ? [`${command}: `, command] : (SPEAKER.exec(message) ?? []);
  const isOurs = isNamesake || !process.argv.slice(2).some((word) => word.includes(name)); // else it may be a folder that the user named
  const isFlag = (word: string): boolean => Object.hasOwn(specs, word) && specs[word]?.kind !== 'words';
  return (isOurs ? message.slice(speaker.length) : message)
    .replace('name yours by the option columns', isFlag('columns') ? 'name yours by --columns' : 'name yours like that')
    .replace(', or the option format must say what it is', '')
    .replace(/[;:] pass [a-z]\w*: [^;]*$/, '') // what a program could do
    .replace(/^[a-z]+(?= must )/, (word) => (isFlag(word) ? `--${word}` : word))
    .replaceAll(
      /(?<![\w"'/.-])([a-z]+[A-Z]\w*)(?:: '([\w-]+)')?(?![\w"'/-]|\.\w)/g,
      (all, word: string, value?: string) =>
        isFlag(word) ? `--${kebabCase(word)}${value === undefined ? '' : ` ${value}`}` : all,
    );
}
