import { spawn } from 'node:child_process';
import { root } from './workspace.ts';

/** How a command ended. */
export interface RunResult {
  readonly code: number;
  /** stdout and stderr together, in the order they came. */
  readonly output: string;
}

/** Where and how a command runs. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with each piece of output as it comes, for commands whose progress is worth seeing. */
  readonly onOutput?: (piece: string) => void;
}

/** Runs a command without a shell and keeps what it prints; a command that cannot be started ends with code 127. */
export function run(command: readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> {
  const [file, ...args] = command;
  const child = spawn(file, args, {
    cwd: options.cwd ?? root,
    env: { ...process.env, ...quiet, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32' && file === 'pnpm',
  });
  let output = '';
  const collect = (piece: string): void => {
    output += piece;
    options.onOutput?.(piece);
  };
  child.stdout.setEncoding('utf8').on('data', collect);
  child.stderr.setEncoding('utf8').on('data', collect);
  return new Promise((done) => {
    child.on('error', (error) => done({ code: 127, output: `${output}${error.message}\n` }));
    child.on('close', (code, signal) => {
      if (signal !== null) collect(`\n${file} was ended by ${signal}\n`);
      done({ code: code ?? 1, output });
    });
  });
}

const quiet = {
  NO_COLOR: '1',
  NO_UPDATE_NOTIFIER: '1',
  TURBO_NO_UPDATE_NOTIFIER: '1',
  TURBO_TELEMETRY_DISABLED: '1',
};
