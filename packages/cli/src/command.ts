import { FormersError } from '@formers/backend';
import { CheckpointError } from '@formers/checkpoints';
import { ImageError } from '@formers/images';
import { TokenizerError } from '@formers/tokenizers';

import { UsageError } from './options.ts';

/** What asks a command to stop: Ctrl-C, a system that shuts down, a terminal that is closed. */
const STOPPING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs a command: the first Ctrl-C asks it to save and stop, a second one quits; so does output that nobody takes any more, such as that of a closed terminal or before `| head`. What
 * the user did wrong is one line and exit code 1.
 */
export async function runCommand(name: string, run: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const onInterrupt = (): void => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
    console.error(`\n${name}: saving and stopping; Ctrl-C again quits at once`);
  };
  const onLostOutput = (): void => stop.abort();
  for (const signal of STOPPING) process.on(signal, onInterrupt);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', onLostOutput);
  try {
    await run(stop.signal);
  } catch (error) {
    if (!isForUsers(error)) throw error;
    console.error(`${name}: ${(error as Error).message}`);
    process.exitCode = 1;
  } finally {
    for (const signal of STOPPING) process.off(signal, onInterrupt);
  }
}

/** Errors whose message says all that a user needs. Others are defects of ours, and keep their stack trace. */
function isForUsers(error: unknown): boolean {
  return (
    error instanceof UsageError ||
    error instanceof FormersError ||
    CheckpointError.isInstance(error) ||
    ImageError.isInstance(error) ||
    TokenizerError.isInstance(error) ||
    isSystemError(error)
  );
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
