import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

it('gives the terminal its cursor back when a command quits in the middle', () => {
  const program = `
    import { createReporter } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
    process.stdout.isTTY = true;
    const report = createReporter({ steps: 10 });
    report.progress({ step: 1, loss: 2 });
    process.exit(130);
  `;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(status).toBe(130);
  const [hides, shows] = ['\u001B[?25l', '\u001B[?25h'];
  expect(stdout).toContain(hides);
  expect(stdout.lastIndexOf(shows)).toBeGreaterThan(stdout.lastIndexOf(hides));
});
