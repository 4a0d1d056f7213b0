import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { parseSafetensors } from '@formers/checkpoints';
import type { Tensor } from '@tensorflow/tfjs-core';

import { toTensor } from './parity/tensors.ts';

/** The tensors of a safetensors file by name: whole numbers as int32, BOOL as bool, the rest as float32. */
export async function readGoldens(file: string | URL): Promise<Map<string, Tensor>> {
  const { tensors } = parseSafetensors(await readFile(file));
  return new Map([...tensors].map(([name, stored]) => [name, toTensor(stored)]));
}

/** Path of a file or folder under `shared/fixtures` beside the project, which not every machine has; see {@link hasFixtures}. */
export function fixture(...names: string[]): string {
  return path.join(fileURLToPath(new URL('../../../../shared/fixtures', import.meta.url)), ...names);
}

/** Whether this machine has the fixtures; for `describe.skipIf(!hasFixtures())`. */
export function hasFixtures(): boolean {
  return existsSync(fixture());
}
