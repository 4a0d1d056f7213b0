import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../lib/run.ts';
import { root } from '../lib/workspace.ts';

/** What follows `npx pnpm@12` in tracked documents and programs. */
async function shownCommands(): Promise<string[]> {
  const pattern = 'npx (--yes )?pnpm@12 [a-z][a-z:-]*';
  const { output } = await run(['git', 'grep', '-hoE', pattern, '--', '*.md', '*.ts']);
  return [...new Set(output.trim().split('\n'))].map((line) => line.replace(/^.* /, ''));
}

/** Commands that pnpm itself has, which go before scripts of the same name; `test` runs the script. */
async function builtIn(): Promise<Set<string>> {
  const { output } = await run(['pnpm', 'help', '--all']);
  return new Set(
    [...output.matchAll(/^ {2}([a-z-]+) {2}/gm)].map(([, name = '']) => name).filter((name) => name !== 'test'),
  );
}

function scripts(): string[] {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  return Object.keys(manifest.scripts);
}

test('each shown command reaches a script, or is one of pnpm that no script is named like', async () => {
  const [shown, own] = [await shownCommands(), await builtIn()];
  expect([...own]).toEqual(expect.arrayContaining(['exec', 'install', 'run']));
  expect(shown).toEqual(expect.arrayContaining(['pretrain', 'finetune', 'run', 'test']));
  const known = scripts();
  expect(shown.filter((name) => known.includes(name) === own.has(name))).toEqual([]);
});
