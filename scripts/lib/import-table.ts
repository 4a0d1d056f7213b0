/** What one package may import: packages of the workspace (and what is under them), and packages of TensorFlow.js. */
export interface ImportRow {
  /** The rows above which this one stands; what those may import, it may too. */
  readonly over: readonly string[];
  /** The `@tensorflow/*` packages it may import. */
  readonly tfjs: readonly string[];
}

const none: readonly string[] = [];
const core: readonly string[] = ['tfjs-core'];
const family: ImportRow = { over: ['attention'], tfjs: core };
const families: readonly string[] = ['transformer', 'bert', 'gpt', 't5', 'bart', 'vit'];

/** The import table: one row for each folder below `packages/`. A package without a row is an error. */
export const importTable: Readonly<Record<string, ImportRow>> = {
  checkpoints: { over: [], tfjs: none },
  backend: { over: [], tfjs: ['tfjs-core', 'tfjs-backend-cpu'] },
  'backend-simd': { over: ['backend'], tfjs: ['tfjs-core', 'tfjs-backend-cpu'] },
  'backend-webgpu': { over: ['backend'], tfjs: ['tfjs-core', 'tfjs-backend-webgpu'] },
  nn: { over: ['backend', 'checkpoints'], tfjs: core },
  positional: { over: ['nn'], tfjs: core },
  attention: { over: ['nn', 'positional'], tfjs: core },
  tokenizers: { over: ['checkpoints'], tfjs: none },
  images: { over: ['backend', 'checkpoints'], tfjs: core },
  ...Object.fromEntries(families.map((name) => [name, family])),
  baselines: { over: ['nn'], tfjs: core },
  data: { over: ['tokenizers', 'backend'], tfjs: core },
  training: { over: ['nn', 'data', 'checkpoints'], tfjs: core },
  generation: { over: ['attention', 'tokenizers'], tfjs: core },
  pipelines: { over: [...families, 'generation', 'images', 'tokenizers'], tfjs: core },
  visualization: { over: [], tfjs: none },
};

/** Private packages that may import every other one. */
export const unrestricted: readonly string[] = ['cli', 'testing'];

/** The folders that `folder` may import: the transitive closure of its row, or undefined when it has none. */
export function mayImport(folder: string): ReadonlySet<string> | undefined {
  const row = importTable[folder];
  if (row === undefined) return undefined;
  const allowed = new Set<string>(row.over);
  for (const below of allowed) for (const further of importTable[below]?.over ?? []) allowed.add(further);
  return allowed;
}
