import type { AlignedText } from '../text/aligned-text.ts';

/** Rewrites text before it is split, and keeps track of where each character came from. */
export type Normalizer = (text: AlignedText) => AlignedText;
