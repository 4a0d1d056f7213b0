import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { copyPackages, dependenciesOf } from '../src/pack/copy-packages.ts';
import { runBench } from './run-bench.ts';

let folder = '';
beforeEach(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), 'bench-pack-')));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(files: Readonly<Record<string, string | object>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  }
}

describe('copyPackages', () => {
  it('copies what packages need, two versions of one apart, and no maps, types or tests', async () => {
    await put({
      'in/node_modules/a/package.json': { name: 'a', dependencies: { b: '1', c: '1' } },
      'in/node_modules/a/index.js': 'a',
      'in/node_modules/a/index.js.map': '',
      'in/node_modules/a/index.d.ts': '',
      'in/node_modules/a/node_modules/c/package.json': { name: 'c' },
      'in/node_modules/a/node_modules/c/index.js': 'c of a',
      'in/node_modules/b/package.json': { name: 'b', dependencies: { c: '2', '@types/x': '1' } },
      'in/node_modules/b/index.js': 'b',
      'in/node_modules/c/package.json': { name: 'c' },
      'in/node_modules/c/index.js': 'c of b',
      'in/node_modules/needless/package.json': { name: 'needless' },
    });
    const modules = path.join(folder, 'out/node_modules');
    await copyPackages(['a'], { from: path.join(folder, 'in'), modules });
    const text = (file: string): Promise<string> => readFile(path.join(modules, file), 'utf8');
    expect(await text('a/index.js')).toBe('a');
    expect(await text('b/index.js')).toBe('b');
    const copies = [await text('c/index.js'), ...(await nested(modules))].toSorted();
    expect(copies).toEqual(['c of a', 'c of b']);
    for (const file of ['needless', 'a/index.js.map', 'a/index.d.ts', '@types'])
      expect(existsSync(path.join(modules, file))).toBe(false);
  });

  it('says what is not installed', async () => {
    await put({ 'in/node_modules/a/package.json': { name: 'a', dependencies: { gone: '1' } } });
    const copied = copyPackages(['a'], { from: path.join(folder, 'in'), modules: path.join(folder, 'out') });
    await expect(copied).rejects.toThrow(/pack: .* needs gone, which isn't installed/);
  });
});

/** The copy of `c` that is not flat. */
async function nested(modules: string): Promise<string[]> {
  const files = ['a', 'b'].map((name) => path.join(modules, name, 'node_modules/c/index.js'));
  return Promise.all(files.filter((file) => existsSync(file)).map((file) => readFile(file, 'utf8')));
}

describe('dependenciesOf', () => {
  it('has dependencies and peers, without optional peers and types', () => {
    const names = dependenciesOf({
      name: 'x',
      dependencies: { a: '1', '@types/a': '1' },
      peerDependencies: { b: '1', c: '1' },
      peerDependenciesMeta: { c: { optional: true } },
    });
    expect(names).toEqual(['a', 'b']);
  });
});

describe('bench pack', () => {
  it.each([
    [['pack'], 'bench: pack needs one folder'],
    [['pack', 'a', 'b'], 'bench: pack needs one folder'],
    [['pack', 'a', '--peers', 'jax'], 'bench: --peers of pack must be of tfjs, ort-web, ort-node or none, got "jax"'],
    [['pack', '.'], 'bench: pack: . is there already'],
    [['pack', 'a', '--zip'], "bench: Unknown option '--zip'"],
  ])('ends %j with one line and exit code 1', async (args, message) => {
    const { code, stderr } = await runBench(args);
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain(message);
  });
});
