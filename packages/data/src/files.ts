import type * as fsPromises from 'node:fs/promises';

import { DataError } from './errors.ts';

/** The files that a name or a glob stands for; those of a glob in order of their names. A name that exists is never taken for a glob. */
export async function expandPattern(pattern: string, where: string): Promise<string[]> {
  const fs = fileSystem(where);
  const exists = await fs.stat(pattern).then(
    () => true,
    () => false,
  );
  if (exists) return [pattern];
  if (!/[*?[\]{}]/.test(pattern)) throw new DataError('missing-file', `${where}: no such file: ${pattern}`);
  const paths: string[] = [];
  for await (const path of fs.glob(pattern)) if ((await fs.stat(path)).isFile()) paths.push(path);
  if (paths.length === 0) throw new DataError('missing-file', `${where}: no file matches ${pattern}`);
  return paths.sort();
}

/** Node's file system, asked for at run time, so that bundlers for browsers never meet it. */
export function fileSystem(where: string): typeof fsPromises {
  if (typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function') {
    return process.getBuiltinModule('node:fs/promises');
  }
  throw new DataError('unreadable', `${where}: file names need Node; in a browser, give a File`);
}
