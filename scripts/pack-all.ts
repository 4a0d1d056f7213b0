/** `pnpm pack:all <folder> <version>`: builds and packs every public package, for the release; all must have this version. */
import { parseArgs } from 'node:util';
import { run } from './lib/run.ts';
import { packAll } from './lib/tarballs.ts';
import { listPublicPackages } from './lib/workspace.ts';

const [folder, version, ...rest] = parseArgs({ allowPositionals: true }).positionals;
if (folder === undefined || version === undefined || rest.length > 0)
  throw new Error('pack-all needs a folder and a version');
const packages = listPublicPackages();
const others = packages.filter(({ manifest }) => manifest.version !== version);
if (others.length > 0) throw new Error(`not at ${version}: ${others.map(({ path }) => path).join(', ')}`);
const built = await run(['turbo', 'run', 'build', '--output-logs=errors-only']);
if (built.code !== 0) throw new Error(built.output);
for (const { file } of await packAll(packages, folder)) process.stdout.write(`${file}\n`);
