import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, lstat, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';

import { installDawn } from '@formers/cli';

import { PEERS_FOLDER } from '../harness/contestants.ts';
import { installPeers } from '../install-peers.ts';
import { UsageError } from '../options.ts';
import { copyLean, copyPackages, dependenciesOf, manifest } from './copy-packages.ts';

const HELP = `Makes a folder with everything that the commands on the GPU need, for a machine with this system and processor, but without a network: Node, Dawn, the packages, the peers in JavaScript.

  npx pnpm@12 bench pack <folder> [--peers tfjs,ort-web,ort-node]

  --peers <names>   tfjs,ort-web,ort-node or none (default all)

There, with a Vulkan loader and, as a peer, PyTorch in python3:

  <folder>/bin/node <folder>/apps/bench/src/main.ts report --engine webgpu --save gpu.json

Back here, the tables of what it saved:

  npx pnpm@12 bench report --engine webgpu --from gpu.json
`;

/** The packages of each peer; of the others, too little is JavaScript. */
const PEER_PACKAGES = {
  tfjs: ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-webgpu'],
  'ort-web': ['onnxruntime-web'],
  'ort-node': ['onnxruntime-node'],
} as const;

type PackedPeer = keyof typeof PEER_PACKAGES;

const BENCH = path.join(import.meta.dirname, '../..');
const ROOT = path.join(BENCH, '../..');

/** The command `bench pack`. */
export async function benchPack(args: readonly string[]): Promise<void> {
  const { folder, peers, help } = parse(args);
  if (help || folder === undefined) return void process.stdout.write(HELP);
  const onNote = (text: string): void => console.error(`bench: ${text}`);
  const dawn = path.dirname(await installDawn({ onNote }));
  await installPeers(peers, { onNote });
  await mkdir(path.join(folder, 'bin'), { recursive: true });
  await copyFile(process.execPath, path.join(folder, 'bin', path.basename(process.execPath)));
  for (const part of ['src', 'peers/torch', 'peers/tfjs', 'peers/onnx', 'peers/lib'])
    await copyLean(path.join(BENCH, part), path.join(folder, 'apps/bench', part));
  for (const file of ['package.json', 'README.md'])
    await copyFile(path.join(BENCH, file), path.join(folder, 'apps/bench', file));
  const modules = path.join(folder, 'node_modules');
  await copyPackages(dependenciesOf(await manifest(BENCH)), {
    from: BENCH,
    modules,
    workspace: path.join(folder, 'packages'),
  });
  await copyDawn(dawn, path.join(folder, path.relative(ROOT, dawn)));
  await copyPeers(peers, path.join(folder, 'apps/bench/peers'));
  const { stdout } = await promisify(execFile)(path.join(folder, 'bin', path.basename(process.execPath)), [
    path.join(folder, 'apps/bench/src/main.ts'),
    '--help',
  ]);
  if (!stdout.includes('bench')) throw new Error('pack: what was packed does not run');
  process.stdout.write(`${folder}: ${((await sizeOf(folder)) / 2 ** 20).toFixed(0)} MB\n`);
}

function parse(args: readonly string[]): { folder: string | undefined; peers: PackedPeer[]; help: boolean } {
  let values: { peers?: string; help?: boolean };
  let positionals: string[];
  try {
    ({ values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { peers: { type: 'string' }, help: { type: 'boolean' } },
    }));
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('. ')[0]}; see bench pack --help`);
  }
  const names = Object.keys(PEER_PACKAGES) as PackedPeer[];
  const peers = values.peers === undefined ? names : values.peers === 'none' ? [] : values.peers.split(',');
  const unknown = peers.find((name) => !names.some((known) => known === name));
  if (unknown !== undefined)
    throw new UsageError(`--peers of pack must be of ${names.join(', ')} or none, got ${JSON.stringify(unknown)}`);
  const help = values.help === true;
  const [folder, more] = positionals;
  if (!help && (folder === undefined || more !== undefined))
    throw new UsageError('pack needs one folder; see bench pack --help');
  if (!help && folder !== undefined && existsSync(folder)) throw new UsageError(`pack: ${folder} is there already`);
  return { folder: folder === undefined ? undefined : path.resolve(folder), peers: peers as PackedPeer[], help };
}

/** Dawn for this system only: all of them are six times as much. */
async function copyDawn(from: string, to: string): Promise<void> {
  for (const file of ['package.json', 'index.js', 'LICENSE.md'])
    await mkdir(to, { recursive: true }).then(() => copyFile(path.join(from, file), path.join(to, file)));
  const platform = `dist/${process.platform}-${process.platform === 'darwin' ? 'universal' : process.arch}`;
  await copyLean(path.join(from, platform), path.join(to, platform));
}

async function copyPeers(peers: readonly PackedPeer[], to: string): Promise<void> {
  const modules = path.join(to, 'node_modules');
  await copyPackages(
    peers.flatMap((peer) => PEER_PACKAGES[peer]),
    { from: PEERS_FOLDER, modules },
  );
  await mkdir(modules, { recursive: true });
  for (const file of ['package.json', 'package-lock.json', 'requirements.txt'])
    await copyFile(path.join(PEERS_FOLDER, file), path.join(to, file));
  // Says that there is nothing to install.
  await copyFile(path.join(PEERS_FOLDER, 'node_modules/.package-lock.json'), path.join(modules, '.package-lock.json'));
}

/** Bytes of all files. */
async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => (await lstat(path.join(entry.parentPath, entry.name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
