import { spawn } from 'node:child_process';
import path from 'node:path';

/** What came of a command. */
export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `pretrain` or `generate` as a user's shell does, on the plain engine. */
export function runCli(
  command: 'main' | 'generate',
  args: readonly string[],
  onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void, stopReading: () => void) => void,
): Promise<CliResult> {
  const script = path.join(import.meta.dirname, '../src', `${command}.ts`);
  const child = spawn(process.execPath, [script, '--engine', 'cpu', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const result: CliResult = { code: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    result.stdout += text;
    onOutput?.(
      result.stdout,
      (signal) => child.kill(signal),
      () => child.stdout.destroy(),
    );
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
