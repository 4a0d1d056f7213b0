import { grouped } from '@formers/cli';
import {
  Batches,
  encodePairs,
  evaluationBatches,
  pairItems,
  sequenceToSequence,
  type SequenceToSequenceBatch,
} from '@formers/data';
import { AutoModelForSeq2SeqLM, type AnySeq2SeqLM, text2textGeneration } from '@formers/pipelines';
import { meanLoss } from '@formers/training';
import type { Scalar } from '@tensorflow/tfjs-core';

import { columnsOf, languagesOf, loadRows } from '../data/load-rows.ts';
import { writingReport } from '../report/writing-report.ts';
import { openModel } from '../run/open-model.ts';
import { fitTokenizer, openTokenizer } from '../run/open-tokenizer.ts';
import { type PrepareTask, shellText } from './task.ts';

/** Held-out pairs that are written out for BLEU and chrF; the loss is that of all. */
const MOST_WRITTEN = 200;

/** A text for a text: translation, summarisation. */
export const seq2seq: PrepareTask = async (request, train) => {
  const { config } = request;
  const { batchSize, seed, tooLong, maxTargetLength, prefix = '', labelSmoothing = 0 } = config;
  const rows = await loadRows(config);
  const isTranslation = rows.train[0]?.has('translation') && !rows.train[0].has('source');
  const options = isTranslation ? { languages: languagesOf(config) } : columnsOf(config, ['source', 'target']);
  const learned = pairItems(rows.train, options);
  const heldOut = pairItems(rows.validation, options);

  const tokenizer = await openTokenizer(request);
  const open = async (checkpoint: string | undefined): Promise<AnySeq2SeqLM> =>
    openModel(AutoModelForSeq2SeqLM, { ...request, checkpoint }, { newHead: false });
  using model = await open(request.checkpoint);
  const { maxLength } = fitTokenizer(model, { tokenizer, maxLength: config.maxLength });
  const lengths = { tokenizer, maxLength, tooLong, prefix, ...(maxTargetLength && { maxTargetLength }) };
  const examples = encodePairs(learned, lengths);
  const validation = encodePairs(heldOut, lengths);
  const { decoderStartTokenId } = model.config;
  const collator = sequenceToSequence({ tokenizer, ...(decoderStartTokenId !== undefined && { decoderStartTokenId }) });
  const data = new Batches(examples, { collator, batchSize, seed, lengthOf: ({ ids }) => ids.length });
  const lossOf = (own: AnySeq2SeqLM, batch: SequenceToSequenceBatch, smoothing = 0): Scalar => {
    const { ids, attentionMask, decoderIds, decoderAttentionMask, targets } = batch;
    return own.loss(ids, { targets, attentionMask, decoderIds, decoderAttentionMask, labelSmoothing: smoothing });
  };
  const longest = validation.reduce((most, { targets }) => Math.max(most, targets.length), 1);
  const written = heldOut.slice(0, MOST_WRITTEN);

  await train<AnySeq2SeqLM, SequenceToSequenceBatch>({
    model,
    open,
    data,
    numExamples: examples.length,
    loss: (own, batch) => lossOf(own, batch, labelSmoothing),
    evaluate: async (own, { isLast }) => {
      const loss = await meanLoss(evaluationBatches(validation, { collator, batchSize }), (batch) =>
        lossOf(own, batch),
      );
      if (!isLast) return { metrics: { loss }, report: '' };
      const write = text2textGeneration('text2text-generation', { model: own, tokenizer });
      const texts = await write(
        written.map(({ source }) => source),
        { prefix, maxNewTokens: longest + 8, batchSize: 2 * batchSize },
      );
      const { metrics, ...report } = writingReport(
        written.map(({ source, target }, i) => ({ source, target, written: texts[i]?.generated_text.trim() ?? '' })),
      );
      return { metrics: { loss, ...metrics }, ...report };
    },
    best: { metric: 'loss', greaterIsBetter: false },
    saveProcessor: (folder) => tokenizer.savePretrained(folder),
    unit: 'tokens',
    facts: {
      data: `${config.data.join(', ')}: pairs of texts, at most ${maxLength} tokens`,
      split: `${grouped(examples.length)} pairs to learn, ${grouped(validation.length)} held out`,
    },
    pipeline: `--task text2text-generation ${shellText(prefix + (heldOut[0]?.source ?? ''))}`,
  });
};
