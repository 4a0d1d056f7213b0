import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { parseJsonObject } from '@formers/checkpoints';

import type { Case, CaseDescription } from './case.ts';

/** All cases under a folder, in order of their paths: folders with a case.json, lists of good and bad files, and tables of schedules. */
export async function findCases(root: string): Promise<Case[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const cases: Case[] = [];
  for (const file of files.toSorted()) {
    const folder = path.dirname(file);
    const name = path.relative(root, folder).replaceAll(path.sep, '/') || path.basename(root);
    switch (path.basename(file)) {
      case 'case.json': {
        const description: CaseDescription = parseJsonObject(await readFile(file), { where: file });
        cases.push({ folder, name, group: description.group ?? path.basename(path.dirname(folder)), description });
        break;
      }
      case 'manifest.json':
        cases.push({ folder, name, group: 'checkpoints', description: {} });
        break;
      case 'schedules.json':
        cases.push({ folder, name: `${name}/schedules`, group: 'schedules', description: {} });
    }
  }
  return cases;
}
