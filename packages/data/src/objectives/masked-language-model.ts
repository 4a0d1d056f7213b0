import { ConfigError, type RandomStream } from '@formers/backend';
import type { Tokenizer } from '@formers/tokenizers';
import { type Tensor1D, tensor1d, type Tensor2D } from '@tensorflow/tfjs-core';

import type { Collator, Draws } from '../batches/collator.ts';
import { type PaddingOptions, padRows } from '../batches/pad.ts';
import { type TensorBatch, tensorBatch } from '../batches/tensor-batch.ts';
import { IGNORED_LABEL } from '../token-batch.ts';
import { ordinaryIds, specialId } from './special-tokens.ts';
import { checkTokens, countTargets, type EncoderTensors, encoderTensors, type TokenExample } from './token-example.ts';

/** Options of {@link maskedLanguageModel}. */
export interface MaskedLanguageModelOptions extends PaddingOptions {
  tokenizer: Tokenizer;
  /** Share of the tokens that are to be guessed; default 0.15. */
  probability?: number;
  /** Choose words instead of tokens; default false. */
  wholeWords?: boolean;
  /** Of the chosen tokens, the share that becomes the mask token; default 0.8. */
  maskShare?: number;
  /** Of the chosen tokens, the share that becomes any token; the rest stays as it is. Default 0.1. */
  randomShare?: number;
}

/** A batch of {@link maskedLanguageModel}. */
export type MaskedLanguageBatch = TensorBatch<
  EncoderTensors & {
    /** int32 [batch, seq]: what stood there, -100 where nothing is to be guessed */
    readonly targets: Tensor2D;
  }
>;

/** A pair of texts for next-sentence prediction. */
export interface SentencePair extends TokenExample {
  /** 0: the second text follows the first; 1: it comes from elsewhere. As in Hugging Face. */
  readonly nextSentenceLabel: number;
}

/** A batch of {@link bertPreTraining}. */
export type BertPreTrainingBatch = TensorBatch<
  EncoderTensors & {
    /** int32 [batch, seq]: what stood there, -100 where nothing is to be guessed */
    readonly targets: Tensor2D;
    /** int32 [batch]: 0 = the second text follows the first, 1 = it comes from elsewhere */
    readonly nextSentenceLabels: Tensor1D;
  }
>;

/**
 * Masked language modelling: of 15 % of the tokens, 80 % become the mask token, 10 % any token that is not special and 10 % stay (Devlin et al. 2018, section
 * 3.1), chosen anew each time an example comes (RoBERTa, Liu et al. 2019, section 4.1). Special tokens are never chosen; each example has at least one target.
 * With `wholeWords`, all pieces of a word or none (of round(15 %) tokens, at most).
 */
export function maskedLanguageModel(options: MaskedLanguageModelOptions): Collator<TokenExample, MaskedLanguageBatch> {
  const masker = new Masker(options, 'maskedLanguageModel');
  return {
    identity: `maskedLanguageModel ${masker.identity}`,
    collate(examples, draws) {
      const rows = masker.mask(examples, draws);
      return tensorBatch(masker.tensors(examples, rows), { step: draws.step, tokens: countOf(rows) });
    },
  };
}

/** BERT's pre-training: {@link maskedLanguageModel}, and the label of next-sentence prediction; for the pairs of `nextSentencePairs`. */
export function bertPreTraining(options: MaskedLanguageModelOptions): Collator<SentencePair, BertPreTrainingBatch> {
  const masker = new Masker(options, 'bertPreTraining');
  return {
    identity: `bertPreTraining ${masker.identity}`,
    collate(examples, draws) {
      const rows = masker.mask(examples, draws);
      const labels = examples.map(({ nextSentenceLabel }) => nextSentenceLabel);
      const tensors = { ...masker.tensors(examples, rows), nextSentenceLabels: tensor1d(labels, 'int32') };
      return tensorBatch(tensors, { step: draws.step, tokens: countOf(rows) });
    },
  };
}

interface MaskedRow {
  readonly ids: Int32Array;
  readonly targets: Int32Array;
}

function countOf(rows: readonly MaskedRow[]): number {
  return countTargets(rows.map(({ targets }) => targets));
}

class Masker {
  readonly identity: string;
  readonly #options: Required<Omit<MaskedLanguageModelOptions, keyof PaddingOptions | 'tokenizer'>>;
  readonly #padding: PaddingOptions & { padId: number; tokenizer: Tokenizer; where: string };
  readonly #maskId: number;
  readonly #ordinary: Int32Array;
  readonly #special: ReadonlySet<number>;

  constructor(options: MaskedLanguageModelOptions, where: string) {
    const {
      tokenizer,
      probability = 0.15,
      wholeWords = false,
      maskShare = 0.8,
      randomShare = 0.1,
      ...padding
    } = options;
    for (const [name, value] of Object.entries({ probability, maskShare, randomShare }))
      if (!(value >= 0 && value <= 1))
        throw new ConfigError(`${where}: ${name} must be a share in [0, 1], got ${value}`);
    if (maskShare + randomShare > 1 + 1e-9)
      throw new ConfigError(
        `${where}: maskShare and randomShare must not exceed 1, got ${maskShare} and ${randomShare}`,
      );
    this.#options = { probability, wholeWords, maskShare, randomShare };
    const padId = specialId(tokenizer, { role: 'pad', where });
    this.#padding = { ...padding, padId, tokenizer, where };
    this.#maskId = specialId(tokenizer, { role: 'mask', where });
    this.#ordinary = ordinaryIds(tokenizer);
    this.#special = new Set([...tokenizer.specialTokenIds, padId]);
    this.identity = JSON.stringify({ ...this.#options, ...padding, padId, maskId: this.#maskId });
  }

  /** Hides some tokens of each example. */
  mask(examples: readonly TokenExample[], draws: Draws): MaskedRow[] {
    checkTokens(
      examples.map(({ ids }) => ids),
      this.#padding,
    );
    return examples.map((example, row) => this.#mask(example, draws.stream('masked-language-model', row)));
  }

  #mask(example: TokenExample, random: RandomStream): MaskedRow {
    const { maskShare, randomShare } = this.#options;
    const ids = example.ids.slice();
    const targets = new Int32Array(ids.length).fill(IGNORED_LABEL);
    for (const place of this.#choose(example, random)) {
      targets[place] = ids[place] ?? 0;
      const kind = random.uniform();
      if (kind < maskShare) ids[place] = this.#maskId;
      else if (kind < maskShare + randomShare) ids[place] = this.#ordinary[random.integer(this.#ordinary.length)] ?? 0;
    }
    return { ids, targets };
  }

  tensors(examples: readonly TokenExample[], rows: readonly MaskedRow[]): EncoderTensors & { targets: Tensor2D } {
    const masked = examples.map(({ typeIds }, i): TokenExample => {
      const { ids } = rows[i] as MaskedRow;
      return typeIds ? { ids, typeIds } : { ids };
    });
    const { ids, attentionMask, tokenTypeIds } = encoderTensors(masked, this.#padding);
    const length = ids.shape[1];
    const targets = padRows(
      rows.map((row) => row.targets),
      { length, value: IGNORED_LABEL },
    );
    return { ids, attentionMask, tokenTypeIds, targets };
  }

  #choose({ ids, specialTokensMask, words }: TokenExample, random: RandomStream): number[] {
    const { probability, wholeWords } = this.#options;
    const places = [...ids.keys()].filter(
      (place) => specialTokensMask?.[place] !== 1 && !this.#special.has(ids[place] ?? 0),
    );
    if (places.length === 0) return [];
    const groups = wholeWords ? groupWords(places, words) : places.map((place) => [place]);
    const chosen = wholeWords
      ? chooseWords(groups, { count: Math.round(places.length * probability), random })
      : places.filter(() => random.uniform() < probability);
    return chosen.length > 0 ? chosen : (groups[random.integer(groups.length)] ?? []);
  }
}

/** Neighbouring places of the same word. */
function groupWords(places: readonly number[], words: Int32Array | undefined): number[][] {
  const groups: number[][] = [];
  for (const place of places) {
    const last = groups.at(-1);
    const before = last?.at(-1);
    const continues =
      words !== undefined && before === place - 1 && words[before] === words[place] && (words[place] ?? -1) >= 0;
    if (last && continues) last.push(place);
    else groups.push([place]);
  }
  return groups;
}

/** Words at random until there are `count` tokens; words that would be too many are passed over. In order of places. */
function chooseWords(
  groups: readonly number[][],
  { count, random }: { count: number; random: RandomStream },
): number[] {
  const chosen: number[] = [];
  for (const index of random.shuffle(Uint32Array.from(groups.keys()))) {
    const group = groups[index] ?? [];
    if (chosen.length + group.length <= count) chosen.push(...group);
    if (chosen.length === count) break;
  }
  return chosen.sort((a, b) => a - b);
}
