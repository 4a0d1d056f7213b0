import { listPublicPackages } from './scripts/lib/workspace.ts';

/**
 * What each package may add to a page, bundled, minified and compressed, without the packages that it imports from the
 * workspace and without its peers. Assets that it fetches (WASM) are not in it. Raise a budget in the change that needs it.
 */
const budgets: Readonly<Record<string, string>> = {
  attention: '10 kB',
  backend: '40 kB',
  'backend-simd': '40 kB',
  checkpoints: '20 kB',
  data: '10 kB',
  generation: '10 kB',
  gpt: '15 kB',
  nn: '10 kB',
  positional: '5 kB',
  tokenizers: '40 kB',
  training: '25 kB',
};

export default listPublicPackages().map(({ folder, path, manifest }) => {
  const limit = budgets[folder];
  if (limit === undefined) throw new Error(`.size-limit.ts has no budget for ${path}`);
  const { dependencies, peerDependencies } = manifest;
  const others = Object.keys({ ...dependencies, ...peerDependencies });
  const ignore = others.filter((name) => name.startsWith('@formers/') || name in { ...peerDependencies });
  return { name: manifest.name, path: `${path}/dist/index.js`, limit, ignore };
});
