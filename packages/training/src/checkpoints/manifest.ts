import { isJsonObject, parseJsonObject, serializeJson } from '@formers/checkpoints';

import { TrainingError } from '../errors.ts';
import { type FileSystem, joinPath, messageOf, writeWhole } from './file-system.ts';

/** Name of the file that is written last, and says that the others are complete. */
export const MANIFEST = 'manifest.json';

/** Version of the layout of checkpoint folders. */
const SCHEMA = 1;

interface Manifest {
  step: number;
  files: { name: string; size: number; sha256: string }[];
}

/** Flushes every file of a folder to the disk, then writes down their sizes and hashes. */
export async function writeManifest(
  folder: string,
  { step, fileSystem }: { step: number; fileSystem: FileSystem },
): Promise<void> {
  const files: Manifest['files'] = [];
  for (const name of await fileSystem.files(folder)) {
    const path = joinPath(folder, name);
    await fileSystem.sync(path);
    files.push({ name, ...(await describe(path, fileSystem)) });
  }
  const path = joinPath(folder, MANIFEST);
  const bytes = new TextEncoder().encode(serializeJson({ schema: SCHEMA, step, files }));
  await writeWhole(path, { bytes, fileSystem });
  await fileSystem.sync(path);
  await fileSystem.sync(folder);
}

/**
 * Reads every file of a checkpoint and compares it with the manifest. Files that were put beside them later are left alone.
 *
 * @returns the step of the checkpoint
 * @throws {@link TrainingError} `damaged` with the first difference.
 */
export async function verifyManifest(folder: string, { fileSystem }: { fileSystem: FileSystem }): Promise<number> {
  const damaged = (reason: string, cause?: unknown): never => {
    throw new TrainingError('damaged', `${folder}: not a complete checkpoint: ${reason}`, { cause });
  };
  const present = new Set(
    await fileSystem.files(folder).catch((cause: unknown): never => damaged('no such folder', cause)),
  );
  if (!present.has(MANIFEST)) return damaged(`no ${MANIFEST}`);
  const { step, files } = await readManifest(folder, fileSystem).catch((cause: unknown): never =>
    damaged(`malformed ${MANIFEST}`, cause),
  );
  for (const { name, size, sha256 } of files) {
    // Only what the folder itself lists is opened: a name in the manifest can't lead out of it.
    if (!present.has(name)) return damaged(`${name} is missing`);
    const path = joinPath(folder, name);
    const found = await describe(path, fileSystem).catch((cause: unknown) => damaged(messageOf(cause), cause));
    if (found.size !== size) return damaged(`${name} should have ${size} bytes and has ${found.size}`);
    if (found.sha256 !== sha256) return damaged(`${name} is not what was written`);
  }
  return step;
}

async function describe(path: string, fileSystem: FileSystem): Promise<{ size: number; sha256: string }> {
  return { size: await fileSystem.size(path), sha256: await fileSystem.hash(path) };
}

async function readManifest(folder: string, fileSystem: FileSystem): Promise<Manifest> {
  const path = joinPath(folder, MANIFEST);
  const { schema, step, files } = parseJsonObject(await fileSystem.read(path), { where: path });
  if (schema !== SCHEMA || typeof step !== 'number' || !Array.isArray(files)) throw new Error('unknown schema');
  const entries = files.map((file) => {
    if (
      isJsonObject(file) &&
      typeof file['name'] === 'string' &&
      typeof file['size'] === 'number' &&
      typeof file['sha256'] === 'string'
    ) {
      return { name: file['name'], size: file['size'], sha256: file['sha256'] };
    }
    throw new Error('malformed entry');
  });
  return { step, files: entries };
}
