/**
 * `pnpm measure:install`: how many bytes the first command downloads on a bare machine. Copies what git tracks to an empty
 * folder, and installs there, without any cache, through a proxy that counts. The budget is 250 MB.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { run } from './lib/run.ts';
import { root } from './lib/workspace.ts';

const budget = 250e6;
const registry = (await run(['npm', 'config', 'get', 'registry'])).output.trim().split('\n').at(-1) ?? '';
const sizes = new Map<string, number>();
const proxy = createServer((request, response) => {
  const forward = async (): Promise<void> => {
    const path = request.url ?? '/';
    const answer = await fetch(new URL(path, registry), { headers: { accept: request.headers.accept ?? '*/*' } });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    sizes.set(path, (sizes.get(path) ?? 0) + bytes.length);
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
    await pipeline(Readable.from([bytes]), response);
  };
  forward().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
}).listen(0);

const folder = mkdtempSync(join(tmpdir(), 'formers-install-'));
try {
  const clone = join(folder, 'clone');
  const { output } = await run(['git', 'ls-files', '-z']);
  for (const file of output.split('\0').filter((name) => name !== '')) {
    mkdirSync(dirname(join(clone, file)), { recursive: true });
    cpSync(join(root, file), join(clone, file));
  }
  writeFileSync(join(clone, '.npmrc'), `registry=http://localhost:${(proxy.address() as AddressInfo).port}/\n`);
  const cache = (name: string): string => join(folder, name);
  const { code, output: log } = await run(['npx', 'pnpm@12', 'install', '--frozen-lockfile'], {
    cwd: clone,
    env: {
      npm_config_yes: 'true',
      npm_config_cache: cache('npm'),
      PNPM_HOME: cache('pnpm'),
      XDG_CACHE_HOME: cache('cache'),
      XDG_DATA_HOME: cache('data'),
    },
  });
  const largest = [...sizes].sort(([, a], [, b]) => b - a);
  const total = largest.reduce((sum, [, bytes]) => sum + bytes, 0);
  for (const [path, bytes] of largest.slice(0, 15))
    process.stdout.write(`${(bytes / 1e6).toFixed(1).padStart(7)} MB  ${path}\n`);
  process.stdout.write(`${(total / 1e6).toFixed(1).padStart(7)} MB  in ${sizes.size} files, of ${budget / 1e6} MB\n`);
  if (code !== 0) process.stdout.write(log);
  process.exitCode = code === 0 && total <= budget ? 0 : 1;
} finally {
  proxy.close();
  rmSync(folder, { recursive: true, force: true });
}
