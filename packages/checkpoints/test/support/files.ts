import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

/** Files that the tests bring along: `bad` and two small models, copied from the project's shared fixtures. */
export const fixtures: string = join(import.meta.dirname, '../fixtures');

/** The project's shared fixtures, which may be missing. */
export const sharedFixtures: string = join(import.meta.dirname, '../../../../../shared/fixtures');

/** A new folder, removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'checkpoints-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** All files of a folder, by name. */
export function filesOf(folder: string): Map<string, Uint8Array> {
  return new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));
}

/** One entry of the manifest of malformed files. */
export interface BadFile {
  readonly file: string;
  readonly kind: 'safetensors' | 'folder';
  readonly valid: boolean;
  readonly reason: string;
  /** Why either verdict passes. */
  readonly tolerated?: string;
}

/** The manifest of a folder like `checkpoints/bad`. */
export function badFiles(folder: string): BadFile[] {
  return JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as BadFile[];
}
