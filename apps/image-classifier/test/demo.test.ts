import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

let child: ChildProcess | undefined;
afterEach(() => child?.kill());

/** Runs `demo` until it has printed a line or ended. */
async function demo(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const running = spawn(process.execPath, [path.join(import.meta.dirname, '../src/demo.ts'), ...args]);
  child = running;
  const result = { stdout: '', stderr: '' };
  running.stderr.setEncoding('utf8').on('data', (text: string) => (result.stderr += text));
  const printed = new Promise<void>((resolve) => {
    running.stdout.setEncoding('utf8').on('data', (text: string) => {
      result.stdout += text;
      resolve();
    });
  });
  await Promise.race([printed, once(running, 'close')]);
  return { ...result, code: running.exitCode };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, 'localhost');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe('demo', () => {
  it('builds and serves the page, isolated from others, and prints its address as the last line', async () => {
    const port = await freePort();
    const { stdout } = await demo('--port', String(port));
    const address = stdout.trimEnd().split('\n').at(-1) ?? '';
    expect(address).toBe(`http://localhost:${port}/`);
    const page = await fetch(address);
    expect(await page.text()).toContain('<h1>A Vision Transformer, in this tab</h1>');
    expect(page.headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(page.headers.get('cross-origin-embedder-policy')).toBe('require-corp');
    expect(page.headers.get('content-security-policy')).toBe("frame-ancestors 'none'");
    expect((await fetch(`${address}no/such/file.json`)).status).toBe(404);
  });

  it.each([
    [['--port', '0'], 'demo: --port must be a whole number from 1 to 65535, got "0"'],
    [['--prot', '8080'], "demo: Unknown option '--prot'"],
  ])('refuses %j', async (args, message) => {
    const { stdout, stderr, code } = await demo(...args);
    expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
    expect(stderr).toContain(message);
  });
});
