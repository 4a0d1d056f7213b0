import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { UsageError } from '@formers/cli';
import { Row } from '@formers/data';

import { installDataSet } from './install.ts';

type Names = Readonly<Record<string, { readonly tts?: readonly string[] }>>;

/** Names of emoji and other signs in two languages, from Unicode's CLDR: short phrases in the columns `source` and `target`. */
export async function cldr({ source, target }: { source: string; target: string }): Promise<Row[]> {
  const { folder } = await installDataSet({ name: 'cldr', packageName: 'cldr-annotations-full', size: '8 MB' });
  const languages = await readdir(path.join(folder, 'annotations'));
  const namesIn = async (language: string): Promise<Names> => {
    if (!languages.includes(language))
      throw new UsageError(
        `--languages must be two of ${languages.slice(0, 12).join(', ')}, … of cldr, such as en-de, got "${language}"`,
      );
    const file = path.join(folder, 'annotations', language, 'annotations.json');
    const { annotations } = JSON.parse(await readFile(file, 'utf8')) as { annotations: { annotations: Names } };
    return annotations.annotations;
  };
  const [sources, targets] = [await namesIn(source), await namesIn(target)];
  return Object.entries(sources).flatMap(([sign, { tts: names = [] }]) => {
    const [from] = names;
    const [to] = targets[sign]?.tts ?? [];
    return from && to ? [new Row({ source: from, target: to }, `cldr, ${sign}`)] : [];
  });
}
