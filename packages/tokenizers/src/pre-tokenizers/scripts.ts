import type { PreTokenizer } from './pre-tokenizer.ts';

/** Splits where the script changes. */
export const splitAtScripts: PreTokenizer = (text) => [text];
