import type { JsonObject, StoredTensor } from '@formers/checkpoints';

import type { StoredFloat } from './stored-parameter.ts';

/** The type to store a parameter in that was loaded from this one. */
export function asFloat(dtype: StoredTensor['dtype'] | undefined): StoredFloat {
  return dtype === 'F16' || dtype === 'BF16' || dtype === 'F64' ? dtype : 'F32';
}

/** The keys of a config whose numbers are floats in Python, which refuses whole ones there: 0.0, not 0. */
export function floatKeysOf(config: JsonObject): Set<string> {
  const isFloat = /dropout|_pdrop$|_prob$|_eps(ilon)?$|_factor$|_range$|_std$|layerdrop/;
  return new Set(Object.keys(config).filter((key) => isFloat.test(key)));
}
