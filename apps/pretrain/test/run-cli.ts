import { spawn } from 'node:child_process';
import path from 'node:path';

/** What came of a command. */
export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** What a test does to a command. */
export interface CliOptions {
  /** Of Node itself. */
  readonly nodeArgs?: readonly string[];
  /** Hears all output so far, and may close its pipe. */
  readonly onOutput?: (text: string, stopReading: () => void) => void;
}

/** Runs `pretrain` or `generate` as a user's shell does, on the plain engine. */
export function runCli(
  command: 'main' | 'generate',
  args: readonly string[],
  { nodeArgs = [], onOutput }: CliOptions = {},
): Promise<CliResult> {
  const script = path.join(import.meta.dirname, '../src', `${command}.ts`);
  const child = spawn(process.execPath, [...nodeArgs, script, '--engine', 'cpu', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const result: CliResult = { code: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    result.stdout += text;
    onOutput?.(result.stdout, () => child.stdout.destroy());
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (result.stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ ...result, code }));
  });
}

/** A model that trains in milliseconds. */
export const TINY = [
  '--dim',
  '8',
  '--num-layers',
  '1',
  '--num-heads',
  '2',
  '--context-length',
  '8',
  '--batch-size',
  '2',
  '--warmup-steps',
  '0',
] as const;
