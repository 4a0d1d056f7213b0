import { spawn } from 'node:child_process';
import path from 'node:path';

/** What came of a command. */
export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `finetune` as a user's shell does, on the plain engine. */
export function runCli(args: readonly string[], nodeArgs: readonly string[] = []): Promise<CliResult> {
  return runScript('finetune/src/main.ts', ['--engine', 'cpu', ...args], nodeArgs);
}

/** Runs a command of an app; `nodeArgs` are of Node itself. */
export function runScript(
  script: string,
  args: readonly string[],
  nodeArgs: readonly string[] = [],
): Promise<CliResult> {
  const child = spawn(process.execPath, [...nodeArgs, path.join(import.meta.dirname, '../../..', script), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const result: CliResult = { code: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (result.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (result.stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ ...result, code }));
  });
}
