import { CheckpointError, quoted } from '../errors.ts';

/** Names that Windows takes for devices, with any extension. */
const deviceName = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i;

/**
 * Throws with code `path` unless `name` is a plain file name: letters, digits, `.`, `_` and `-`, with a letter or digit in front. That leaves
 * out separators, `..`, drives, schemes, percent codes and control characters, so that a name from a file can never lead out of its folder.
 */
export function checkFileName(name: string): void {
  if (name.length > 200 || !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) || name.endsWith('.') || deviceName.test(name)) {
    throw new CheckpointError('path', `file name must be letters, digits, . _ and - only, got ${quoted(name)}`);
  }
}

/** As {@link checkFileName}, for a file of tensors: the name must also end in `.safetensors`. */
export function checkShardName(name: string): void {
  checkFileName(name);
  if (!name.endsWith('.safetensors'))
    throw new CheckpointError('path', `file name of a shard must end in .safetensors, got ${quoted(name)}`);
}

/** Whether {@link checkFileName} lets a name pass. */
export function isFileName(name: string): boolean {
  try {
    checkFileName(name);
    return true;
  } catch {
    return false;
  }
}
