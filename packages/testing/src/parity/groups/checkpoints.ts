import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { openCheckpoint, openFolder, parseSafetensors, readJson } from '@formers/checkpoints';

import { type Case, readCaseJson } from '../case.ts';
import type { Comparison } from '../comparison.ts';
import { parseModelConfig } from '../models/index.ts';

/** One line of a manifest of good and bad files. */
interface ManifestEntry {
  readonly file: string;
  readonly kind: 'safetensors' | 'folder';
  readonly valid: boolean;
  readonly reason: string;
  /** Why either verdict will do. */
  readonly tolerated?: string;
}

/** The entries of a manifest by file. */
export async function checkpointCases({
  folder,
}: Case): Promise<[string, (comparison: Comparison) => Promise<void>][]> {
  const entries = await readCaseJson<ManifestEntry[]>(folder, 'manifest.json');
  return entries.map((entry) => [entry.file, (comparison) => runEntry(folder, entry, comparison)]);
}

async function runEntry(
  folder: string,
  { file, kind, valid, reason, tolerated }: ManifestEntry,
  comparison: Comparison,
): Promise<void> {
  const refusal = await (
    kind === 'safetensors' ? readFileOf(path.join(folder, file)) : readFolder(path.join(folder, file))
  ).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (refusal !== undefined && !isTyped(refusal))
    comparison.wrong(`${file}: ${String(refusal)}, which is no typed error`);
  if (tolerated === undefined) comparison.equal(`${file} (${reason}) is accepted`, refusal === undefined, valid);
  comparison.equal('Object.prototype keys', Object.keys(Object.prototype), []);
  comparison.equal('Object.prototype.polluted', 'polluted' in {}, false);
}

async function readFileOf(file: string): Promise<void> {
  parseSafetensors(await readFile(file));
}

/** A folder is read as far as it goes: the config as a model's, the weights through their index, every tensor. */
async function readFolder(location: string): Promise<void> {
  const folder = await openFolder(location);
  const isCheckpoint = (await folder.has('model.safetensors.index.json')) || (await folder.has('model.safetensors'));
  if ((await folder.has('config.json')) || !isCheckpoint) parseModelConfig(await readJson(folder, 'config.json'));
  if (!isCheckpoint) return;
  const checkpoint = await openCheckpoint(folder);
  for (const name of checkpoint.names) await checkpoint.read(name);
}

/** Whether an error is one of ours, meant for users: with a code. */
function isTyped(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && !error.code.startsWith('E');
}
