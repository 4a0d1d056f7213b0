import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.ts';
import type { Tarball } from './tarballs.ts';
import { type Manifest, readJson, type WorkspacePackage } from './workspace.ts';

/** An otherwise empty project that has installed one package, with what that needs, from tarballs. */
export interface Consumer {
  readonly pack: WorkspacePackage;
  readonly directory: string;
}

/**
 * Makes and installs one consumer for each tarball, below `folder`. Each sees its own dependencies only. `main.js` imports
 * the package and everything it exports; where the package has a `test/packed.js`, that runs too.
 */
export async function createConsumers(tarballs: readonly Tarball[], folder: string): Promise<Consumer[]> {
  const fromTarballs = tarballs.map(({ pack, file }) => `  '${pack.manifest.name}': 'file:${file}'\n`).join('');
  const settings = `packages:\n  - consumers/*\noverrides:\n${fromTarballs}`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'pnpm-workspace.yaml'), settings);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true }));
  const consumers = tarballs.map((tarball) => createConsumer(tarball, folder));
  const { code, output } = await run(
    ['pnpm', 'install', '--prefer-offline', '--no-frozen-lockfile', '--ignore-scripts'],
    {
      cwd: folder,
    },
  );
  if (code !== 0) throw new Error(output);
  return consumers;
}

/** Runs a consumer in Node; says what went wrong. */
export async function runInNode({ pack, directory }: Consumer): Promise<string[]> {
  const { code, output } = await run(['node', 'main.js'], { cwd: directory });
  return code === 0 ? [] : [`${pack.path} in Node: ${output.trim()}`];
}

function createConsumer({ pack, file }: Tarball, folder: string): Consumer {
  const directory = join(folder, 'consumers', pack.folder);
  mkdirSync(directory, { recursive: true });
  const { name } = pack.manifest;
  const manifest = {
    name: `consumer-${pack.folder}`,
    private: true,
    type: 'module',
    dependencies: { [name]: `file:${file}`, ...requiredPeers(pack) },
  };
  writeFileSync(join(directory, 'package.json'), JSON.stringify(manifest));
  const own = join(pack.directory, 'test/packed.js');
  if (existsSync(own)) cpSync(own, join(directory, 'packed.js'));
  const lines = [
    `import * as everything from '${name}';`,
    `if (Object.keys(everything).length === 0) throw new Error('${name} exports nothing');`,
    ...(existsSync(own) ? [`await import('./packed.js');`] : []),
    `globalThis.document?.body.append('done');`,
  ];
  writeFileSync(join(directory, 'main.js'), `${lines.join('\n')}\n`);
  writeFileSync(
    join(directory, 'index.html'),
    '<!doctype html><html><head><title>consumer</title><link rel="icon" href="data:," /></head><body><script type="module" src="/main.js"></script></body></html>\n',
  );
  return { pack, directory };
}

/** The peers that are not optional, at the versions installed in the workspace. */
function requiredPeers({ directory, manifest }: WorkspacePackage): Record<string, string> {
  const { peerDependencies = {}, peerDependenciesMeta = {} } = manifest;
  const names = Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name]?.optional !== true);
  return Object.fromEntries(
    names.map((name) => [name, readJson<Manifest>(join(directory, 'node_modules', name, 'package.json')).version]),
  );
}
