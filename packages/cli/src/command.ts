import { FormersError } from '@formers/backend';
import { CheckpointError } from '@formers/checkpoints';
import { ImageError } from '@formers/images';
import { TokenizerError } from '@formers/tokenizers';

import { type OptionSpecs, UsageError } from './options.ts';
import { plainWords } from './plain-words.ts';

/** What asks a command to stop: Ctrl-C, a system that shuts down, a terminal that is closed. */
const STOPPING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs a command: the first Ctrl-C asks it to save and stop, a second one quits; so does output that nobody takes any more, such as that of a closed terminal or before `| head`. What
 * the user did wrong is one line and exit code 1.
 *
 * @param options.saves Whether it has something to save when it is stopped; default true.
 * @param options.specs The options of the command: what libraries say of theirs is told in these words.
 */
export async function runCommand(
  name: string,
  run: (signal: AbortSignal) => Promise<void>,
  { specs = {}, saves = true }: { specs?: OptionSpecs; saves?: boolean } = {},
): Promise<void> {
  const stop = new AbortController();
  const onInterrupt = (): void => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
    console.error(`\n${name}: ${saves ? 'saving and stopping' : 'stopping'}; Ctrl-C again quits at once`);
  };
  const onLostOutput = (): void => stop.abort();
  for (const signal of STOPPING) process.on(signal, onInterrupt);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', onLostOutput);
  try {
    await run(stop.signal);
  } catch (error) {
    if (stop.signal.aborted && error === stop.signal.reason) {
      process.exitCode = 130; // what was going on could only be given up
      return;
    }
    if (!isForUsers(error)) throw error;
    const { message } = error;
    console.error(`${name}: ${error instanceof UsageError ? message : plainWords(message, { command: name, specs })}`);
    process.exitCode = 1;
  } finally {
    for (const signal of STOPPING) process.off(signal, onInterrupt);
  }
}

/** Errors whose message says all that a user needs. Others are defects of ours, and keep their stack trace. */
function isForUsers(error: unknown): error is Error {
  return (
    error instanceof UsageError ||
    error instanceof FormersError ||
    CheckpointError.isInstance(error) ||
    ImageError.isInstance(error) ||
    TokenizerError.isInstance(error) ||
    isSystemError(error)
  );
}

function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error;
}
