import { TrainingError } from '../errors.ts';
import { type FileSystem, joinPath, processInfo } from './file-system.ts';

const LOCK = '.lock';

/** Locks of this process, by their tokens: the number of a process alone doesn't tell whether a lock is left from an earlier life. */
const held = new Set<string>();

/** Who holds a run folder. */
interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly token: string;
}

/**
 * Takes a run folder for this process; one that a killed process left is taken over.
 *
 * @returns what gives it back
 * @throws {@link TrainingError} `output` when another run has it.
 */
export async function lockRunFolder(
  out: string,
  { fileSystem }: { fileSystem: FileSystem },
): Promise<() => Promise<void>> {
  const path = joinPath(out, LOCK);
  const { pid, host } = processInfo();
  const own: Owner = { pid, host, token: crypto.randomUUID() };
  const bytes = new TextEncoder().encode(`${JSON.stringify(own)}\n`);
  await fileSystem.makeFolder(out);
  for (let attempt = 0; !(await fileSystem.create(path, bytes)); attempt++) {
    const owner = parseOwner(await fileSystem.read(path).catch(() => new Uint8Array()));
    if (!owner && attempt === 0) {
      await new Promise((resolve) => setTimeout(resolve, 100)); // perhaps it is being written
      continue;
    }
    if (attempt > 2 || (owner && isRunning(owner)))
      throw new TrainingError(
        'output',
        `${out}: another run writes here (process ${owner?.pid ?? '?'} on ${owner?.host ?? '?'}); wait for it, choose another folder, or delete ${LOCK} if it is gone`,
      );
    await fileSystem.remove(path);
  }
  held.add(own.token);
  return async () => {
    held.delete(own.token);
    await fileSystem.remove(path).catch(() => undefined); // a dead token is taken over
  };
}

function isRunning({ pid, host, token }: Owner): boolean {
  const own = processInfo();
  if (host !== own.host) return true; // nobody can tell from here
  return pid === own.pid ? held.has(token) : own.isAlive(pid);
}

/** Undefined for a lock that was half-written. */
function parseOwner(bytes: Uint8Array): Owner | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Owner;
  } catch {
    return undefined;
  }
}
