import { type BertConfig, type BertOptions, checkBertConfig } from '../bert/config.ts';
import { defaultLabels } from '@formers/nn';

/** The shape of a RoBERTa: a BERT whose positions are counted past the padding, which it therefore must have. */
export interface RobertaConfig extends BertConfig {
  padTokenId: number;
}

/** What must be said of a RoBERTa; the rest has the values of RoBERTa-base. */
export type RobertaOptions = BertOptions & { padTokenId?: number };

/** Sizes by name: those of the paper (Liu et al. 2019, table 9), and one for tests that runs in milliseconds. Each needs a `vocabSize`. */
export const ROBERTA_PRESETS = {
  testing: { contextLength: 16, dim: 32, numHeads: 4, numLayers: 2 },
  'roberta-base': { contextLength: 512, dim: 768, numHeads: 12, numLayers: 12 },
  'roberta-large': { contextLength: 512, dim: 1024, numHeads: 16, numLayers: 24 },
} as const;

/** Name of a preset. */
export type RobertaPreset = keyof typeof ROBERTA_PRESETS;

/**
 * A whole and valid config. Models call it once, on what they are given.
 *
 * @throws {@link ConfigError} naming the first option that is wrong.
 */
export function robertaConfig(options: RobertaOptions): RobertaConfig {
  return checkBertConfig('RobertaConfig', {
    numTokenTypes: 1,
    hiddenDim: 4 * options.dim,
    activation: 'gelu',
    dropout: 0.1,
    attentionDropout: 0.1,
    classifierDropout: undefined,
    normEpsilon: 1e-5,
    initStd: 0.02,
    tieEmbeddings: true,
    labels: defaultLabels(2),
    problemType: undefined,
    padTokenId: 1,
    bosTokenId: 0,
    eosTokenId: 2,
    ...options,
  });
}
