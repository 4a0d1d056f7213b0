export { checkIds } from './check-ids.ts';
export { DataError, type DataErrorCode } from './errors.ts';
export { readTexts, type TextFile } from './read-texts.ts';
export { shuffledIndices } from './shuffle.ts';
export { splitItems, type SplitOptions } from './split.ts';
export { IGNORED_LABEL, TokenBatch } from './token-batch.ts';
export {
  type Sampling,
  TokenBatches,
  type TokenBatchesIdentity,
  type TokenBatchesOptions,
  type TokenBatchesState,
} from './token-batches.ts';
export { TokenWindows, type TokenWindowsOptions } from './token-windows.ts';
