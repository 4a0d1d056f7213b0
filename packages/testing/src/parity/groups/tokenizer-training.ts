import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import {
  type Pipeline,
  type SpecialTokenRoles,
  type Tokenizer,
  trainBpe,
  trainUnigram,
  trainWordPiece,
} from '@formers/tokenizers';

import { type Case, Unsupported } from '../case.ts';
import type { Comparison } from '../comparison.ts';

/** The `trainer` section of a case.json. */
interface TrainerSettings {
  readonly kind: string;
  readonly vocab_size: number;
  readonly min_frequency?: number;
  readonly special_tokens?: readonly string[];
  readonly initial_alphabet?: string | readonly string[];
  readonly limit_alphabet?: number;
  readonly end_of_word_suffix?: string;
  readonly continuing_subword_prefix?: string;
  readonly unk_token?: string;
  readonly shrinking_factor?: number;
  readonly n_sub_iterations?: number;
  readonly max_piece_length?: number;
  readonly training_pre_tokenizer?: string;
  readonly note?: string;
}

interface TokenizerJson extends Pipeline {
  readonly model: {
    readonly vocab: Readonly<Record<string, number>> | readonly (readonly [piece: string, score: number])[];
    readonly merges?: readonly (readonly [left: string, right: string])[];
    readonly unk_token?: string | null;
    readonly byte_fallback?: boolean;
  };
}

/** Trains on the case's corpus with the case's settings: the vocabulary and the merges must be the same, scores within 1e-4. */
export async function compareTraining(
  { folder, description }: Case,
  file: string,
  comparison: Comparison,
): Promise<void> {
  const texts = await trainingTexts(folder);
  const settings = description['trainer'] as TrainerSettings;
  const { model: expected, ...pipeline } = JSON.parse(file) as TokenizerJson;
  const { model: found } = train(texts, settings, { ...pipeline, model: expected }).toJson() as TokenizerJson;
  if (isScored(expected.vocab) && isScored(found.vocab)) {
    const scores = [found.vocab, expected.vocab].map((vocab) => vocab.map(([, score]) => score));
    comparison.equal('pieces', piecesOf(found.vocab), piecesOf(expected.vocab));
    comparison.numbers('scores', scores[0] ?? [], { expected: scores[1] ?? [], tolerance: { rtol: 1e-4, atol: 0 } });
  } else comparison.equal('vocabulary', byId(found.vocab), byId(expected.vocab));
  if (expected.merges) comparison.equal('merges', found.merges, expected.merges);
}

/** Whether a case asks for training: sentencepiece's own trainer is not asked. */
export function asksForTraining({ description }: Case): boolean {
  const trainer = description['trainer'] as TrainerSettings | undefined;
  return trainer !== undefined && !/not meant to be trained/.test(trainer.note ?? '');
}

function train(texts: readonly string[], settings: TrainerSettings, reference: TokenizerJson): Tokenizer {
  const { normalizer = null, pre_tokenizer = null, post_processor = null, decoder = null, model } = reference;
  const words = trainingSplit(settings.training_pre_tokenizer) ?? pre_tokenizer;
  const pipeline: Pipeline = { normalizer, pre_tokenizer: words, post_processor, decoder };
  const { specialTokens, byteFallback } = readSpecialTokens(settings.special_tokens ?? []);
  const unkToken = settings.unk_token ?? model.unk_token ?? undefined;
  const roles: SpecialTokenRoles = unkToken === undefined ? {} : { unkToken };
  const options = { vocabSize: settings.vocab_size, specialTokens, pipeline, ...roles };
  const merging = {
    minFrequency: settings.min_frequency ?? 0,
    initialAlphabet: readAlphabet(settings.initial_alphabet),
    ...(settings.limit_alphabet !== undefined && { limitAlphabet: settings.limit_alphabet }),
    ...(settings.continuing_subword_prefix !== undefined && { continuingPrefix: settings.continuing_subword_prefix }),
  };
  const [kind] = settings.kind.split(' ');
  if (kind === 'BPE') {
    const suffix = settings.end_of_word_suffix;
    return trainBpe(texts, {
      ...options,
      ...merging,
      byteFallback,
      ...(suffix !== undefined && { wordEndSuffix: suffix }),
    });
  }
  if (kind === 'WordPiece') {
    const { initialAlphabet, ...others } = merging;
    if (initialAlphabet === 'bytes') throw new Unsupported('WordPiece over bytes');
    return trainWordPiece(texts, { ...options, ...others, initialAlphabet });
  }
  if (kind === 'Unigram') {
    const {
      shrinking_factor: shrinkingFactor,
      n_sub_iterations: subIterations,
      max_piece_length: maxPieceLength,
    } = settings;
    return trainUnigram(texts, {
      ...options,
      ...(shrinkingFactor !== undefined && { shrinkingFactor }),
      ...(subIterations !== undefined && { subIterations }),
      ...(maxPieceLength !== undefined && { maxPieceLength }),
    });
  }
  throw new Unsupported(`no trainer of kind ${settings.kind}`);
}

/** Each line of corpus.txt, which is beside the cases, with its line break. */
async function trainingTexts(folder: string): Promise<string[]> {
  const file = [folder, path.dirname(folder)]
    .map((place) => path.join(place, 'corpus.txt'))
    .find((name) => existsSync(name));
  if (file === undefined) throw new Unsupported('there is no corpus.txt to train on');
  return (await readFile(file, 'utf8')).split('\n').map((line) => `${line}\n`);
}

/** Special tokens, of which `<0x00> ... <0xFF>` stands for the tokens of byte fallback. */
function readSpecialTokens(tokens: readonly string[]): { specialTokens: string[]; byteFallback: boolean } {
  const specialTokens = tokens.filter((token) => !token.includes(' ... '));
  return { specialTokens, byteFallback: specialTokens.length < tokens.length };
}

function readAlphabet(alphabet: string | readonly string[] = []): readonly string[] | 'bytes' {
  if (typeof alphabet !== 'string') return alphabet;
  if (alphabet.includes('256 byte-level')) return 'bytes';
  throw new Unsupported(`initial_alphabet ${alphabet}`);
}

/** The pre-tokenizer of `Split on the regex X (training only...)`. */
function trainingSplit(description: string | undefined): object | undefined {
  if (description === undefined) return undefined;
  const pattern = /^Split on the regex (.*) \(training only/.exec(description)?.[1];
  if (pattern === undefined) throw new Unsupported(`training_pre_tokenizer ${description}`);
  return { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false };
}

type Vocabulary = TokenizerJson['model']['vocab'];

function isScored(vocab: Vocabulary): vocab is readonly (readonly [string, number])[] {
  return Array.isArray(vocab);
}

function piecesOf(vocab: readonly (readonly [string, number])[]): string[] {
  return vocab.map(([piece]) => piece);
}

function byId(vocab: Vocabulary): [string, number][] {
  return Object.entries(vocab as Readonly<Record<string, number>>).toSorted(([, a], [, b]) => a - b);
}
