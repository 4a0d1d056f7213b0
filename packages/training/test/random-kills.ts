import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { RandomStream } from '@formers/backend';
import { expect } from 'vitest';

import type { TrainerEvent } from '../src/index.ts';
import { checkResume } from './faults.ts';
import { childEnvironment } from './kills.ts';
import { temporaryFolder } from './toy-run.ts';

/** Where a run was when it was killed, and what it had told. */
interface Killed {
  /** What it had begun last; `over` for a run that came to its end. */
  readonly doing: string;
  readonly events: Pick<TrainerEvent, 'type' | 'step'>[];
  readonly milliseconds: number;
}

/**
 * Kills so many runs at random moments (kill -9), two at a time. After each, the newest checkpoint is whole, is at least the last one that was told, and goes
 * on to the bits of a run that was never stopped.
 *
 * @returns how many were killed in the middle of what
 */
export async function killAtRandom({
  count,
  seed,
  weights,
}: {
  count: number;
  seed: number;
  weights: Map<string, Float32Array>;
}): Promise<Map<string, number>> {
  const random = new RandomStream(seed, 'kills');
  const longest = Math.max(...(await Promise.all([1, 2].map(wholeDuration))));
  const places = new Map<string, number>();
  let killed = 0;
  const work = async (): Promise<void> => {
    while (killed < count) {
      const out = await temporaryFolder();
      const { doing, events } = await runUntil(out, random.uniform() * longest);
      if (doing !== 'over' && killed < count) {
        killed++;
        places.set(doing, (places.get(doing) ?? 0) + 1);
        await checkResume(out, { events, weights });
      }
      await rm(out, { recursive: true, force: true });
    }
  };
  await Promise.all([work(), work()]);
  expect([...places.values()].reduce((sum, number) => sum + number, 0)).toBe(count);
  return places;
}

/** The places as lines, the most frequent first. */
export function placesTable(places: ReadonlyMap<string, number>): string {
  return [...places]
    .toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([place, number]) => `${String(number).padStart(4)}  ${place}`)
    .join('\n');
}

async function wholeDuration(): Promise<number> {
  const out = await temporaryFolder();
  const { doing, milliseconds } = await runUntil(out, Infinity);
  expect(doing).toBe('over');
  await rm(out, { recursive: true });
  return milliseconds;
}

/** Starts a run, and kills it so many milliseconds after its begin. */
function runUntil(out: string, milliseconds: number): Promise<Killed> {
  const script = fileURLToPath(new URL('random-kill-child.ts', import.meta.url));
  const child = spawn(process.execPath, [script, out], { stdio: ['pipe', 'pipe', 'inherit'], env: childEnvironment });
  let text = '';
  let began = 0;
  let timer: NodeJS.Timeout | undefined;
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    const isReady = text.includes('ready\n');
    text += piece;
    if (isReady || !text.includes('ready\n')) return;
    began = performance.now();
    child.stdin.write('x');
    if (milliseconds < Infinity) timer = setTimeout(() => child.kill('SIGKILL'), milliseconds);
  });
  return new Promise((resolve, reject) => {
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const lines = text.split('\n').slice(1, -1); // the last one is empty, or half-written
      const told = lines.filter((line) => line.startsWith('{'));
      const doing = lines.findLast((line) => !line.startsWith('{')) ?? 'begin';
      const isOver = doing === 'over' && (code === 0 || signal === 'SIGKILL');
      if (!isOver && signal !== 'SIGKILL') return reject(new Error(`the run ended by itself: ${code}\n${text}`));
      resolve({
        doing,
        events: told.map((line) => JSON.parse(line) as Killed['events'][number]),
        milliseconds: performance.now() - began,
      });
    });
  });
}
