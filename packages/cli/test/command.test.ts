import { ConfigError } from '@formers/backend';
import { afterEach, expect, test, vi } from 'vitest';

import { runCommand } from '../src/index.ts';

afterEach(() => {
  process.exitCode = undefined;
  vi.restoreAllMocks();
});

/** What a command said of errors. */
const watchErrors = (): string[] => {
  const lines: string[] = [];
  vi.spyOn(console, 'error').mockImplementation((line: string) => void lines.push(line));
  return lines;
};

test('what is given up because of Ctrl-C is no defect: no stack trace, exit code 130', async () => {
  const lines = watchErrors();
  const run = async (signal: AbortSignal): Promise<void> => {
    process.emit('SIGINT');
    signal.throwIfAborted();
  };
  await runCommand('write', run, { saves: false });
  expect(lines).toEqual(['\nwrite: stopping; Ctrl-C again quits at once']);
  expect(process.exitCode).toBe(130);
});

test('what a library refuses is told in the words of the options; a defect is thrown', async () => {
  const lines = watchErrors();
  const specs = { dim: { kind: 'whole', help: 'width' } } as const;
  const fail = (error: Error) => async (): Promise<void> => {
    throw error;
  };
  await runCommand('make', fail(new ConfigError('GPTConfig: dim must be a whole number, got 0')), { specs });
  expect(lines).toEqual(['make: --dim must be a whole number, got 0']);
  expect(process.exitCode).toBe(1);
  await expect(runCommand('make', fail(new TypeError('x is undefined')), { specs })).rejects.toThrow('x is undefined');
});
