import { readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { parseSync } from 'oxc-parser';
import { importTable, mayImport, unrestricted } from './import-table.ts';
import { listFiles, readJson, root, type WorkspacePackage } from './workspace.ts';

const scope = '@formers/';

/** Says, one line each, where the sources and manifest of a package below `packages/` break the import table. */
export function importBreaches(pack: WorkspacePackage): string[] {
  if (unrestricted.includes(pack.folder)) return [];
  const allowed = mayImport(pack.folder);
  const row = importTable[pack.folder];
  if (allowed === undefined || row === undefined) {
    return [`${pack.path}: the import table (scripts/lib/import-table.ts) has no row for it`];
  }
  const { dependencies, peerDependencies, optionalDependencies } = pack.manifest;
  const declared = Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies });

  const isAllowed = (name: string): boolean => {
    if (name.startsWith(scope)) return allowed.has(name.slice(scope.length)) || name === pack.manifest.name;
    return !name.startsWith('@tensorflow/') || row.tfjs.includes(name.slice('@tensorflow/'.length));
  };
  const rule = `row "${pack.folder}" allows ${[...allowed, ...row.tfjs].join(', ') || 'neither @formers/* nor @tensorflow/*'}`;
  const manifestBreaches = declared
    .filter((name) => !isAllowed(name))
    .map((name) => `${pack.path}/package.json depends on ${name}; ${rule}`);

  const sourceBreaches = listFiles(join(pack.directory, 'src'), '.ts').flatMap((file) => {
    const place = relative(root, file);
    return importsOf(file).flatMap((specifier) => {
      if (specifier.startsWith('.')) return relativeBreach(pack, file, specifier);
      if (specifier.startsWith('node:')) return [];
      const name = packageName(specifier);
      if (!isAllowed(name)) return [`${place} imports ${specifier}; ${rule}`];
      const known = declared.includes(name) || name === pack.manifest.name;
      return known ? [] : [`${place} imports ${specifier}, which ${pack.path}/package.json does not declare`];
    });
  });
  return [...manifestBreaches, ...sourceBreaches];
}

/** Says where the project references of a package differ from its dependencies in the workspace. */
export function referenceBreaches(pack: WorkspacePackage): string[] {
  const file = join(pack.directory, 'tsconfig.json');
  const { references = [] } = readJson<{ references?: { path: string }[] }>(file);
  const { dependencies, peerDependencies } = pack.manifest;
  const wanted = Object.keys({ ...dependencies, ...peerDependencies })
    .filter((name) => name.startsWith(scope))
    .map((name) => `../${name.slice(scope.length)}`);
  return differences(
    `${pack.path}/tsconfig.json`,
    wanted,
    references.map(({ path }) => path),
  );
}

/** Says where the root's solution file differs from the packages that there are. */
export function solutionBreaches(packages: readonly WorkspacePackage[]): string[] {
  const { references } = readJson<{ references: { path: string }[] }>(join(root, 'tsconfig.build.json'));
  return differences(
    'tsconfig.build.json',
    packages.map(({ path }) => path),
    references.map(({ path }) => path),
  );
}

/** A circle of packages that depend on each other, development dependencies included, as one line; at most one is told. */
export function dependencyCircles(packages: readonly WorkspacePackage[]): string[] {
  const below = new Map(
    packages.map(({ manifest }) => [
      manifest.name,
      Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.devDependencies }),
    ]),
  );
  const finished = new Set<string>();
  const visit = (name: string, trail: readonly string[]): string | undefined => {
    if (trail.includes(name)) return [...trail.slice(trail.indexOf(name)), name].join(' -> ');
    if (finished.has(name)) return undefined;
    for (const next of below.get(name) ?? []) {
      const circle = visit(next, [...trail, name]);
      if (circle !== undefined) return circle;
    }
    finished.add(name);
    return undefined;
  };
  for (const name of below.keys()) {
    const circle = visit(name, []);
    if (circle !== undefined) return [`packages depend on each other in a circle: ${circle}`];
  }
  return [];
}

/** What a source file imports, statically or by a literal `import()`. */
function importsOf(file: string): string[] {
  const source = readFileSync(file, 'utf8');
  const { staticImports, staticExports, dynamicImports } = parseSync(file, source).module;
  const literal = /^(['"`])(.*)\1$/s;
  return [
    ...staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...staticExports.flatMap(({ entries }) => entries.flatMap(({ moduleRequest }) => moduleRequest?.value ?? [])),
    ...dynamicImports.flatMap(
      ({ moduleRequest: { start, end } }) => literal.exec(source.slice(start, end).trim())?.[2] ?? [],
    ),
  ];
}

function relativeBreach(pack: WorkspacePackage, file: string, specifier: string): string[] {
  const source = join(pack.directory, 'src') + sep;
  const target = join(dirname(file), specifier);
  return target.startsWith(source) ? [] : [`${relative(root, file)} imports ${specifier}, outside of ${pack.path}/src`];
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function differences(place: string, wanted: readonly string[], found: readonly string[]): string[] {
  return [
    ...wanted.filter((path) => !found.includes(path)).map((path) => `${place}: the reference to ${path} is missing`),
    ...found.filter((path) => !wanted.includes(path)).map((path) => `${place}: the reference to ${path} is not needed`),
  ];
}
