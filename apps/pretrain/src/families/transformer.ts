import {
  count,
  grouped,
  modelFolder,
  type OptionSpecs,
  type OptionValues,
  trainingConfig,
  trainingOptions,
  UsageError,
} from '@formers/cli';
import {
  Batches,
  encodePairs,
  type SequencePair,
  sequenceToSequence,
  type SequenceToSequenceBatch,
} from '@formers/data';
import { Tokenizer } from '@formers/tokenizers';
import type { FoundCheckpoint } from '@formers/training';
import { Transformer } from '@formers/transformer';

import { folderNameOf } from '../corpus.ts';
import type { Family, Machine, PreparedRun, RunConfig } from '../family.ts';
import { learnPairBytes, learnWords } from '../learners.ts';
import { loadPairs, PAIR_SETS, type PairSplit } from '../pairs.ts';
import { someOf } from '../sentences.ts';
import { SIZE_OPTIONS, type Sizes, sizesOf } from '../text-options.ts';
import { tokenizerHash } from '../tokenizers.ts';
import {
  describeModel,
  EVALUATED,
  evaluateSequences,
  PADDING,
  paddedContext,
  sequenceLoss,
  writeAnswers,
} from './sequence.ts';

/** What trains a small Transformer well. */
const DEFAULTS = { learningRate: 1e-3, beta2: 0.98, weightDecay: 0.01, steps: 1500 } as const;

const OPTIONS = {
  pairs: {
    kind: 'texts',
    help: 'JSONL, CSV, TSV or parquet files of pairs, instead of a data set: columns source and target, or other usual names',
  },
  dataset: {
    kind: 'text',
    among: PAIR_SETS,
    help: 'pairs that come with the app: words and their sounds (default cmudict)',
  },
  tokenizer: { kind: 'text', help: 'words, bpe, or a folder (default words for the data set, bpe for files)' },
  vocabSize: { kind: 'whole', least: 300, help: 'tokens of a new bpe tokenizer (default 4096)' },
  ...SIZE_OPTIONS,
  contextLength: { ...SIZE_OPTIONS.contextLength, help: 'most tokens of a text; longer ones are cut (default 64)' },
  batchSize: { ...SIZE_OPTIONS.batchSize, help: 'pairs per micro-batch (default 64)' },
  labelSmoothing: {
    kind: 'number',
    least: 0,
    below: 1,
    help: 'share of each target that is spread over all tokens (default 0.1)',
  },
  ...trainingOptions(DEFAULTS),
} as const satisfies OptionSpecs;

interface TransformerRunConfig extends RunConfig, Sizes {
  pairs?: string[];
  dataset?: string;
  tokenizer: string;
  vocabSize: number;
  labelSmoothing: number;
}

/** The original Transformer on pairs of texts, which learns to write the second one. */
export const TRANSFORMER_FAMILY: Family<OptionValues<typeof OPTIONS>, TransformerRunConfig> = {
  name: 'transformer',
  about: 'Trains the original Transformer to make one text of another, from scratch.',
  examples: [
    '--family transformer --dataset cmudict',
    "--family transformer --pairs 'phrases/*.csv' --vocab-size 8000 --dim 256 --schedule noam --warmup-steps 400",
    '--resume checkpoints/transformer-cmudict --steps 6000',
  ],
  options: OPTIONS,
  configure(given, { isSlow }) {
    const { pairs, dataset, tokenizer = pairs ? 'bpe' : 'words', vocabSize = 4096, labelSmoothing = 0.1 } = given;
    if (pairs && dataset) throw new UsageError('--pairs and --dataset exclude each other');
    return {
      family: 'transformer',
      ...(pairs ? { pairs } : { dataset: dataset ?? 'cmudict' }),
      tokenizer,
      vocabSize,
      labelSmoothing,
      ...sizesOf({ contextLength: 64, ...given }, { isSlow, numLayers: 3, batchSize: 64 }),
      ...trainingConfig(given, isSlow ? { ...DEFAULTS, steps: 150 } : DEFAULTS),
    };
  },
  prepare: prepareTransformer,
};

async function prepareTransformer(
  config: TransformerRunConfig,
  { checkpoint, isSlow }: Machine & { checkpoint: FoundCheckpoint | undefined },
): Promise<PreparedRun<SequenceToSequenceBatch>> {
  const split = await loadPairs(config);
  const tokenizer = checkpoint
    ? await Tokenizer.fromPretrained(checkpoint.folder)
    : await createTokenizer(config, split);
  const { padTokenId = 0, bosTokenId: decoderStartTokenId = 1, eosTokenId = 2, vocabSize } = tokenizer;
  const { contextLength, dim, numHeads, numLayers, dropout, labelSmoothing, batchSize, seed, pairs } = config;
  const encode = (items: PairSplit['train']): SequencePair[] =>
    encodePairs(items, { tokenizer, maxLength: contextLength, tooLong: 'cut' });
  const train = encode(split.train);
  const asked = someOf(split.heldOut, EVALUATED[isSlow ? 'slow' : 'fast']);
  const examples = encode(asked);
  const collator = sequenceToSequence({ tokenizer, decoderStartTokenId, padToMultipleOf: PADDING });
  const sizes = { vocabSize, contextLength: paddedContext(contextLength), dim, numHeads, numLayers };
  const model = checkpoint
    ? await Transformer.fromPretrained(checkpoint.folder)
    : new Transformer({ ...sizes, dropout, labelSmoothing, padTokenId, decoderStartTokenId, eosTokenId }, { seed });
  const sample = someOf(
    asked.map(({ target }, i) => ({ source: [...(examples[i]?.ids ?? [])], target })),
    5,
  );
  const partly = asked.length < split.heldOut.length ? ` (of which ${grouped(asked.length)} are evaluated)` : '';
  return {
    name: `transformer-${folderNameOf({ ...config, ...(pairs && { text: pairs }) })}`,
    model,
    data: new Batches(train, { collator, batchSize, seed, lengthOf: ({ ids }) => ids.length }),
    loss: (batch) => sequenceLoss(model, batch, { labelSmoothing }),
    evaluate: () => evaluateSequences(model, { examples, collator, batchSize, vocabSize }),
    companion: tokenizer,
    identity: { tokenizer: tokenizerHash(tokenizer) },
    perBatch: { count: batchSize, unit: 'pairs' },
    speedUnit: 'target tokens',
    notes: {
      model: describeModel('Transformer', { model, ...config }),
      data: `${split.name}: ${grouped(vocabSize)} kinds of tokens (${config.tokenizer})`,
      split: `${count(split.train.length, 'pair')} to learn, ${grouped(split.heldOut.length)} held out${partly}`,
    },
    finish: () => writeAnswers(model, { pairs: sample, tokenizer }),
    commands: ({ out }) => [
      [
        'write',
        `generate --model ${out} --prompt ${JSON.stringify(tokenizer.decode(sample[0]?.source ?? [], { skipSpecialTokens: true }))}`,
      ],
    ],
  };
}

async function createTokenizer(
  { tokenizer, vocabSize }: TransformerRunConfig,
  { train }: PairSplit,
): Promise<Tokenizer> {
  const texts = train.flatMap(({ source, target }) => [source, target]);
  if (tokenizer === 'words') return learnWords(texts, vocabSize);
  if (tokenizer === 'bpe') return learnPairBytes(texts, vocabSize);
  return Tokenizer.fromPretrained(await modelFolder(tokenizer));
}
