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
    let busy = Infinity;
    for (let second = 0; second < 20 && busy > 0.1; second++) { // V8 may go on compiling for a while
      const before = process.cpuUsage();
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const { user, system } = process.cpuUsage(before);
      busy = (user + system) / 1e6;
    }
    console.log(JSON.stringify({ busy }));
  `) as { busy: number };
  expect(busy, 'processor seconds of the idlest second').toBeLessThan(0.1);
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
