import { openCheckpoint } from '@formers/checkpoints';
import type { PretrainedOptions } from '@formers/nn';

import type { ModelClass } from './auto-model.ts';
import type { ModelFolder } from './model-folder.ts';

/** A class whose pooler may be left out. */
interface PooledClass<Model> {
  fromPretrained(location: ModelFolder['folder'], options?: PretrainedOptions & { pooler?: boolean }): Promise<Model>;
}

/** Leaves the pooler out where the checkpoint lacks it, as checkpoints of masked language models do. */
export function withPoolerOf<Model>({ folder }: ModelFolder, modelClass: PooledClass<Model>): ModelClass<Model> {
  return {
    fromPretrained: async (_, options = {}) => {
      const { names } = await openCheckpoint(folder, options);
      const pooler = names.some((name) => /(^|\.)pooler\.dense\.weight$/.test(name));
      return modelClass.fromPretrained(folder, { ...options, pooler });
    },
  };
}
