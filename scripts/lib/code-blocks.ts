import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { run } from './run.ts';
import { type Manifest, listPackages, root } from './workspace.ts';

/** One ```` ```ts ```` block of a Markdown file. */
export interface CodeBlock {
  /** The file and the line of the first line of code: `packages/nn/README.md:12`. */
  readonly place: string;
  readonly code: string;
  /** Whether it is run, not only type-checked: false for ```` ```ts no-run ````. */
  readonly runs: boolean;
}

/** A project outside of the repository that sees every package of the workspace and all that these depend on. */
export interface BlockProject {
  /** What the type checker says, one line an error: about each block, and about anything else. */
  readonly check: () => Promise<Complaints>;
  /** Runs a block in Node; its exit code and what it printed. */
  readonly run: (block: CodeBlock) => Promise<{ code: number; output: string }>;
}

/** Type errors of a {@link BlockProject}. */
export interface Complaints {
  readonly about: (block: CodeBlock) => string[];
  readonly others: readonly string[];
}

/** The blocks of a Markdown text whose language is `ts`. */
export function codeBlocks(markdown: string, file: string): CodeBlock[] {
  return [...markdown.matchAll(/^```ts( [^\n]*)?\n(.*?)^```$/gms)].map((match) => ({
    place: `${file}:${markdown.slice(0, match.index).split('\n').length + 1}`,
    code: match[2] ?? '',
    runs: !/\bno-run\b/.test(match[1] ?? ''),
  }));
}

/** The README files of the root and of each package. */
export function readmes(): string[] {
  return ['README.md', ...listPackages(['packages']).map(({ path }) => `${path}/README.md`)];
}

/** The blocks of a file of the repository. */
export function codeBlocksOf(file: string): CodeBlock[] {
  return codeBlocks(readFileSync(join(root, file), 'utf8'), file);
}

/** Writes blocks as modules into an empty folder, with links to all packages. */
export function createBlockProject(blocks: readonly CodeBlock[], folder: string): BlockProject {
  linkPackages(folder);
  const compilerOptions = {
    composite: false,
    isolatedDeclarations: false,
    noEmit: true,
    noUnusedLocals: false,
  };
  const config = { extends: join(root, 'configs/base/tsconfig.json'), compilerOptions, include: ['*/block.ts'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const files = new Map(
    blocks.map((block, index) => {
      const file = join(folder, String(index), 'block.ts');
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `${block.code}\nexport {};\n`);
      return [block, file];
    }),
  );
  return {
    check: async () => {
      const { code, output } = await run(['tsc', '-p', folder], { cwd: folder });
      const lines = output.split('\n').filter((line) => /^\S/.test(line));
      if (code !== 0 && lines.length === 0) lines.push(`tsc ended with ${code}`);
      const places = [...files.values()].map((file) => `${relative(folder, file)}(`);
      return {
        about: (block) => lines.filter((line) => line.startsWith(`${relative(folder, files.get(block) ?? '')}(`)),
        others: lines.filter((line) => !places.some((place) => line.startsWith(place))),
      };
    },
    run: (block) => {
      const file = files.get(block);
      if (file === undefined) throw new Error(`${block.place} is not in the project`);
      return run(['node', file], { cwd: dirname(file) });
    },
  };
}

function linkPackages(folder: string): void {
  const links = new Map<string, string>([['@types/node', join(root, 'node_modules/@types/node')]]);
  for (const { manifest, directory } of listPackages(['packages'])) {
    links.set(manifest.name, directory);
    for (const name of dependenciesOf(manifest)) {
      if (!links.has(name)) links.set(name, join(directory, 'node_modules', name));
    }
  }
  for (const [name, target] of links) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(target, link, 'junction');
  }
}

function dependenciesOf({ dependencies, peerDependencies, devDependencies }: Manifest): string[] {
  return Object.keys({ ...dependencies, ...peerDependencies, ...devDependencies }).filter(
    (name) => !name.startsWith('@formers/'),
  );
}
