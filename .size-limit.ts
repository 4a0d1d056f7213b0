import { builtinModules } from 'node:module';
import { listPublicPackages } from './scripts/lib/workspace.ts';

/**
 * What each package may add to a page, bundled, minified and compressed, without the packages that it imports from the
 * workspace, without its peers and without Node's modules. Assets that it fetches (WASM) are not in it. Raise a budget in the change that needs it.
 */
const budgets: Readonly<Record<string, string>> = {
  attention: '10 kB',
  backend: '40 kB',
  bart: '15 kB',
  bert: '15 kB',
  'backend-simd': '70 kB', // its kernels, as text, are most of it; those of recurrent layers, comparisons, functions and optimizers came last
  checkpoints: '65 kB', // @huggingface/hub is most of it, and is loaded only when asked for
  data: '50 kB', // the parquet reader, its decompressors and the CSV parser are most of it, and are loaded only when asked for
  generation: '15 kB',
  gpt: '15 kB',
  images: '15 kB',
  nn: '10 kB',
  pipelines: '32 kB', // @huggingface/jinja is half of it, and is loaded only for chats
  positional: '5 kB',
  t5: '15 kB',
  tokenizers: '40 kB',
  transformer: '15 kB',
  training: '25 kB',
  visualization: '15 kB',
  'backend-webgpu': '90 kB', // without tfjs's own kernels, which are a peer
  vit: '15 kB',
};

export default listPublicPackages().map(({ folder, path, manifest }) => {
  const limit = budgets[folder];
  if (limit === undefined) throw new Error(`.size-limit.ts has no budget for ${path}`);
  const { dependencies, peerDependencies } = manifest;
  const others = Object.keys({ ...dependencies, ...peerDependencies });
  const ignore = others.filter((name) => name.startsWith('@formers/') || name in { ...peerDependencies });
  ignore.push(...builtinModules.map((name) => `node:${name}`));
  return { name: manifest.name, path: `${path}/dist/index.js`, limit, ignore };
});
