import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The parts of a `package.json` that the checks read. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly license?: string;
  readonly description?: string;
  readonly type?: string;
  readonly sideEffects?: boolean | readonly string[];
  readonly engines?: { readonly node?: string };
  readonly files?: readonly string[];
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly publishConfig?: { readonly access?: string; readonly exports?: Readonly<Record<string, unknown>> };
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** One package of the workspace. */
export interface WorkspacePackage {
  /** Its folder below the root, with forward slashes: `packages/nn`. */
  readonly path: string;
  /** The last part of `path`: `nn`. */
  readonly folder: string;
  /** Its absolute folder. */
  readonly directory: string;
  readonly manifest: Manifest;
}

/** The root of the repository. */
export const root: string = resolve(import.meta.dirname, '../..');

/** The packages in the given groups of folders, by path. */
export function listPackages(groups: readonly string[] = ['packages', 'apps']): WorkspacePackage[] {
  return groups.flatMap((group) =>
    foldersOf(join(root, group))
      .filter((folder) => existsSync(join(root, group, folder, 'package.json')))
      .map((folder) => readPackage(`${group}/${folder}`)),
  );
}

/** The packages that are published: those below `packages/` that are not private. */
export function listPublicPackages(): WorkspacePackage[] {
  return listPackages(['packages']).filter(({ manifest }) => manifest.private !== true);
}

/** Files below `directory` whose name ends as asked, absolute, sorted; `node_modules`, `dist` and `build` are passed over. */
export function listFiles(directory: string, ending: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/[\\/](node_modules|dist|build)[\\/]/.test(file.slice(directory.length)))
    .sort();
}

/** A JSON file, as the type that the caller says it has. */
export function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}

function readPackage(path: string): WorkspacePackage {
  const directory = join(root, path);
  return {
    path,
    folder: path.slice(path.lastIndexOf('/') + 1),
    directory,
    manifest: readJson<Manifest>(join(directory, 'package.json')),
  };
}

function foldersOf(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}
