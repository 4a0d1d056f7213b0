/**
 * tfjs-core ships its gradient definitions as extensionless ES modules, which Node cannot import, and its Node build leaves them out.
 * This bundles them into tfjs-gradients.gen.js: what tfjs-core exports publicly is imported from it, the rest comes along.
 */
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { build, type Plugin } from 'esbuild';

const require = createRequire(import.meta.url);
const source = path.join(path.dirname(require.resolve('@tensorflow/tfjs-core/package.json')), 'dist');
const core = require('@tensorflow/tfjs-core') as Record<string, object>;

const entry = `
import { registerGradient } from '@tensorflow/tfjs-core';
import { gradConfigs } from 'all-gradients';
export function registerTfjsGradients() {
  for (const config of gradConfigs) registerGradient(config);
}`;

/** The list `gradConfigs` of register_all_gradients.js, without its loop: registering is a call, not an effect of an import. */
const allGradients: Plugin = {
  name: 'all-gradients',
  setup(builder) {
    builder.onResolve({ filter: /^all-gradients$/ }, () => ({ path: 'all-gradients', namespace: 'all-gradients' }));
    builder.onLoad({ filter: /.*/, namespace: 'all-gradients' }, async () => {
      const text = await readFile(path.join(source, 'register_all_gradients.js'), 'utf8');
      const imports = text.match(/^import \{ \w+ \} from '\.\/gradients\/[^']+';$/gm);
      const list = /const gradConfigs = \[[^\]]*\];/.exec(text);
      if (imports === null || list === null)
        throw new Error('register_all_gradients.js of tfjs-core has an unknown form');
      return { contents: `${imports.join('\n')}\nexport ${list[0]}`, resolveDir: source };
    });
  },
};

/** How the public package reaches the names of one of its modules; undefined where it does not export them all. */
function publicExports(module: string, names: string[]): [name: string, path: string][] | undefined {
  if (module === 'engine') return [['ENGINE', 'core.engine()']];
  if (module === 'environment') return [['env', 'core.env']];
  if (module === 'base') return Object.keys(core).map((name) => [name, `core.${name}`]);
  if (typeof core[module] === 'object')
    return Object.keys(core[module]).map((name) => [name, `core.${module}.${name}`]); // a namespace: util, backend_util ...
  return names.length > 0 && names.every((name) => name in core)
    ? names.map((name) => [name, `core.${name}`])
    : undefined;
}

/** Replaces a module of tfjs-core by the public package where that has all of its names. */
const usePublicExports: Plugin = {
  name: 'use-public-exports',
  setup(builder) {
    builder.onLoad({ filter: /tfjs-core[\\/]dist[\\/].*\.js$/ }, async ({ path: file }) => {
      const exported = (await readFile(file, 'utf8')).matchAll(
        /^export (?:(?:async )?(?:const|function|class) (\w+)|\{ (\w+) \};)/gm,
      );
      const names = [...exported].map(([, declared, listed]) => declared ?? listed ?? '');
      const found = publicExports(path.basename(file, '.js'), names);
      if (found === undefined) return undefined;
      const lines = found.map(([name, home]) => `export const ${name} = /* @__PURE__ */ (() => ${home})();`);
      return { contents: `import * as core from '@tensorflow/tfjs-core';\n${lines.join('\n')}` };
    });
  },
};

const outfile = fileURLToPath(new URL('../src/tfjs-gradients.gen.js', import.meta.url));
const published = fileURLToPath(new URL('../dist/tfjs-gradients.gen.js', import.meta.url));
await build({
  stdin: { contents: entry, resolveDir: source },
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  external: ['@tensorflow/tfjs-core'],
  legalComments: 'eof',
  logLevel: 'warning',
  plugins: [allGradients, usePublicExports],
});
await mkdir(path.dirname(published), { recursive: true });
await copyFile(outfile, published);
