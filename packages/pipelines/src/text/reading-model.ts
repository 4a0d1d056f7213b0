import type { JsonObject } from '@formers/checkpoints';
import type { ProblemType } from '@formers/nn';
import type { Tensor2D } from '@tensorflow/tfjs-core';

/** What a model is told besides the ids. */
export interface ReadingOptions {
  attentionMask?: Tensor2D;
  tokenTypeIds?: Tensor2D;
}

/** What tasks need of the config of a model that reads texts. */
export interface ReadingConfig {
  readonly vocabSize: number;
  /** Of the texts that are read, where it is another one. */
  readonly sourceVocabSize?: number;
  readonly contextLength: number;
  /** How many kinds of segments there are. */
  readonly numTokenTypes?: number;
  readonly padTokenId?: number | undefined;
}

/** What tasks need of the config of a classifier. */
export interface ClassifyingConfig {
  readonly labels: readonly string[];
  readonly problemType?: ProblemType | undefined;
}

/** What tasks need of a model that reads texts: ids [batch, seq] to an output that is the caller's. */
export interface ReadingModel<Output = unknown, Config = unknown> {
  readonly config: ReadingConfig & Config;
  /** What it was loaded from. */
  readonly origin?: { readonly config?: JsonObject } | undefined;
  call(ids: Tensor2D, options?: ReadingOptions): Output;
  dispose(): void;
}
