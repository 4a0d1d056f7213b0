import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** Runs a program in a process of its own; its last line is JSON. */
function run(program: string): Record<string, number | string> {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: join(import.meta.dirname, '..'),
    encoding: 'utf8',
    timeout: 170_000,
  });
  expect(stderr).toBe('');
  expect(status, 'the process ends by itself').toBe(0);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, number | string>;
}

const START = `
import { useBackend } from '@formers/backend';
import { simd } from './src/index.ts';
import { matMul, randomNormal } from '@tensorflow/tfjs-core';
`;

test('threads sleep when there is nothing to do, and the process can end', () => {
  const { busy } = run(`${START}
    await useBackend(simd({ threads: 3 }));
    const x = randomNormal([256, 256]);
    matMul(x, x).dataSync();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const { user, system } = process.cpuUsage(before);
    console.log(JSON.stringify({ busy: (user + system) / 1e6 }));
  `) as { busy: number };
  expect(busy, 'processor seconds of one idle second').toBeLessThan(0.3);
});

test('works inside of a worker thread', () => {
  const result = run(`
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    const [message] = await once(new Worker(new URL('./test/in-worker.ts', 'file://' + process.cwd() + '/'), { execArgv: [] }), 'message');
    console.log(JSON.stringify(message));
  `);
  expect(result).toEqual({ threads: 2, finite: 1 });
});
