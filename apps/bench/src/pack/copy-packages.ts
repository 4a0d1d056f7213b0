import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, realpath, symlink } from 'node:fs/promises';
import path from 'node:path';

const BINARIES = `${process.platform}/${process.arch}`;

/** What the bench doesn't read while it runs, by paths with slashes. */
const NEEDLESS: readonly RegExp[] = [
  /\.map$|\.d\.[cm]?ts$|\.(?:md|flow|tsbuildinfo)$/,
  /\/@tensorflow\/tfjs[^/]*\/(?:src\/|dist\/(?!tf[^/]*\.node\.js$).)/, // builds for the web, and their parts
  /\/onnxruntime-web\/(?:lib\/|dist\/(?!ort\.webgpu\.min\.mjs$|ort-wasm-simd-threaded\.asyncify\.).)/,
  new RegExp(String.raw`/onnxruntime-node/bin/napi-v\d+/(?!${BINARIES}|${process.platform}$).`),
];

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** Copies a folder without what nothing here reads. */
export async function copyLean(from: string, to: string): Promise<void> {
  await cp(from, to, {
    recursive: true,
    dereference: true,
    filter: (file) =>
      !NEEDLESS.some((pattern) => pattern.test(file.replaceAll(path.sep, '/'))) &&
      (file === from || path.basename(file) !== 'node_modules'),
  });
}

/** Copies packages that `from` depends on by these names, and what they depend on, into one `node_modules`; of workspace packages, the sources into `workspace`. */
export async function copyPackages(
  names: readonly string[],
  { from, modules, workspace }: { from: string; modules: string; workspace?: string },
): Promise<void> {
  const placed = new Map<string, string>(); // where each came from
  const copy = async (name: string, parent: string, target: string): Promise<void> => {
    const source = await find(name, parent);
    const isOurs = workspace !== undefined && !source.includes(`${path.sep}node_modules${path.sep}`);
    const isFlat = (placed.get(name) ?? source) === source;
    const destination = isOurs
      ? path.join(workspace, path.basename(source))
      : path.join(isFlat ? modules : path.join(target, 'node_modules'), name);
    if (placed.get(destination) === source) return;
    placed.set(destination, source);
    if (isFlat) placed.set(name, source);
    if (isOurs) {
      for (const part of ['package.json', 'src']) await copyLean(path.join(source, part), path.join(destination, part));
      const link = path.join(modules, name);
      await mkdir(path.dirname(link), { recursive: true });
      await symlink(path.relative(path.dirname(link), destination), link); // Node reads TypeScript only outside of node_modules
    } else await copyLean(source, destination);
    for (const dependency of dependenciesOf(await manifest(source))) await copy(dependency, source, destination);
  };
  for (const name of names) await copy(name, from, path.dirname(modules));
}

/** Names of what a package needs at run time; optional peers are left out. */
export function dependenciesOf({ dependencies, peerDependencies, peerDependenciesMeta }: Manifest): string[] {
  const peers = Object.keys(peerDependencies ?? {}).filter((name) => peerDependenciesMeta?.[name]?.optional !== true);
  const names = [...Object.keys(dependencies ?? {}), ...peers];
  return names.filter((name) => !name.startsWith('@types/') && name !== '@webgpu/types');
}

/** The manifest in a folder. */
export async function manifest(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as Manifest;
}

/** Where Node would find a package from a folder. */
async function find(name: string, from: string): Promise<string> {
  for (let folder = from; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'node_modules', name);
    if (existsSync(candidate)) return realpath(candidate);
    if (folder === path.dirname(folder)) throw new Error(`pack: ${from} needs ${name}, which isn't installed`);
  }
}
