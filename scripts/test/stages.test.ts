import { expect, test } from 'vitest';
import { run } from '../lib/run.ts';
import { command } from '../lib/stages.ts';
import { pass } from '../lib/tally.ts';

test('a command that is killed says so', async () => {
  const { code, output } = await run(['sh', '-c', 'echo here; kill -9 $$']);
  expect(code).toBe(1);
  expect(output).toBe('here\n\nsh was ended by SIGKILL\n');
});

test('a stage that fails gives the last 20 lines of its command as the reason', async () => {
  expect(await command('well', ['true']).work()).toEqual(pass);
  const { failures } = await command('count', ['sh', '-c', 'seq 30; exit 3']).work();
  const last = Array.from({ length: 20 }, (_, i) => i + 11).join('\n');
  expect(failures).toEqual([`count (sh -c seq 30; exit 3)\n${last}`]);
});
