/** The parts of Node that files need. */
export interface NodeModules {
  readonly fs: typeof import('node:fs/promises');
  readonly path: typeof import('node:path');
}

/** Node's modules, or undefined in a browser. They are asked for at run time, so that bundlers for browsers never meet them. */
export function nodeModules(): NodeModules | undefined {
  if (typeof process === 'undefined' || typeof process.getBuiltinModule !== 'function') return undefined;
  return { fs: process.getBuiltinModule('node:fs/promises'), path: process.getBuiltinModule('node:path') };
}
