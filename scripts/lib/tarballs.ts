import { readFileSync } from 'node:fs';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { run } from './run.ts';
import type { WorkspacePackage } from './workspace.ts';

/** A packed package. */
export interface Tarball {
  readonly pack: WorkspacePackage;
  readonly file: string;
  /** The paths of its files, relative to the package. */
  readonly contents: readonly string[];
}

/** Packs packages, as they would be published, into a folder. */
export async function packAll(packages: readonly WorkspacePackage[], folder: string): Promise<Tarball[]> {
  const filters = packages.map(({ manifest }) => `--filter=${manifest.name}`);
  const { code, output } = await run(['pnpm', ...filters, 'pack', '--pack-destination', folder, '--json']);
  if (code !== 0) throw new Error(output);
  const parsed = JSON.parse(output.slice(output.search(/^[[{]/m))) as PackedFile | PackedFile[];
  const packed = [parsed].flat();
  return packages.map((pack) => {
    const entry = packed.find(({ name }) => name === pack.manifest.name);
    if (entry === undefined) throw new Error(`pnpm pack left out ${pack.manifest.name}`);
    return { pack, file: entry.filename, contents: entry.files.map(({ path }) => path) };
  });
}

/** Says what is wrong inside of a tarball: files that do not belong there, publint's messages, attw's problems. */
export async function tarballBreaches(tarball: Tarball): Promise<string[]> {
  const [lint, types] = await Promise.all([publintMessages(tarball), attwProblems(tarball)]);
  return [...contentBreaches(tarball), ...lint, ...types].map((line) => `${tarball.pack.path}: ${line}`);
}

interface PackedFile {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

function contentBreaches({ contents }: Tarball): string[] {
  const belongs = /^(dist|build)\/|^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/;
  const never = /\.test\.|\.tsbuildinfo$|(?<!\.d)\.ts$|(^|\/)\./;
  const missing = ['package.json', 'README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts'];
  return [
    ...contents.filter((path) => !belongs.test(path) || never.test(path)).map((path) => `packs ${path}`),
    ...missing.filter((path) => !contents.includes(path)).map((path) => `does not pack ${path}`),
  ];
}

async function publintMessages({ file }: Tarball): Promise<string[]> {
  const bytes = readFileSync(file);
  const data = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball: data }, strict: true });
  return messages.map((message) => `publint: ${formatMessage(message, pkg, { color: false }) ?? message.code}`);
}

async function attwProblems({ file }: Tarball): Promise<string[]> {
  const flags = [
    '--profile',
    'esm-only',
    '--no-definitely-typed',
    '--no-emoji',
    '--no-color',
    '--format',
    'table-flipped',
  ];
  const { code, output } = await run(['attw', file, ...flags] as [string, ...string[]]);
  return code === 0 ? [] : [`attw: ${output.trim()}`];
}
