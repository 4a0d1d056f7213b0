import { crossEntropy } from '@formers/backend';
import { grouped } from '@formers/cli';
import { type Row, type TokenBatch, TokenWindows } from '@formers/data';
import { streamText } from '@formers/generation';
import { type AnyCausalLM, AutoModelForCausalLM } from '@formers/pipelines';
import type { Tokenizer } from '@formers/tokenizers';
import { meanLoss, perplexity } from '@formers/training';

import { columnsOf, loadRows } from '../data/load-rows.ts';
import { openModel } from '../run/open-model.ts';
import { fitTokenizer, openTokenizer } from '../run/open-tokenizer.ts';
import { type PrepareTask, shellText } from './task.ts';

/** A model that goes on with texts, on texts of one's own: they are laid behind each other, and read in windows. */
export const causalLm: PrepareTask = async (request, train) => {
  const { config } = request;
  const { batchSize, seed, labelSmoothing = 0 } = config;
  const rows = await loadRows(config);
  const { text = 'text' } = columnsOf(config, ['text']).columns;
  const textsOf = (part: readonly Row[]): string[] => part.map((row) => row.text(text));
  const heldOutTexts = textsOf(rows.validation);

  const tokenizer = await openTokenizer(request);
  const open = async (checkpoint: string | undefined): Promise<AnyCausalLM> =>
    openModel(AutoModelForCausalLM, { ...request, checkpoint }, { newHead: false });
  using model = await open(request.checkpoint);
  const { maxLength } = fitTokenizer(model, { tokenizer, maxLength: config.maxLength });
  const { vocabSize } = model.config;
  const ids = joined(textsOf(rows.train), tokenizer);
  const seqLen = Math.min(maxLength, ids.length - 1);
  const windows = new TokenWindows(ids, { seqLen, vocabSize });
  const validation = new TokenWindows(joined(heldOutTexts, tokenizer), { seqLen, vocabSize });
  const data = windows.batches({ batchSize, seed, sampling: 'epoch' });
  const prompt = firstWords(heldOutTexts[0] ?? '');

  await train<AnyCausalLM, TokenBatch>({
    model,
    open,
    data,
    numExamples: Math.max(1, Math.floor(ids.length / seqLen)),
    loss: (own, { inputs, targets }) =>
      labelSmoothing > 0 ? crossEntropy(own.call(inputs), targets, { labelSmoothing }) : own.loss(inputs, { targets }),
    evaluate: async (own, { isLast }) => {
      const loss = await meanLoss(validation.sequential({ batchSize }), ({ inputs, targets }) =>
        own.loss(inputs, { targets }),
      );
      const metrics = { loss, perplexity: perplexity(loss) };
      if (!isLast) return { metrics, report: '' };
      let sample = prompt;
      const options = { maxNewTokens: 60, temperature: 0.8, topK: 50, doSample: true, seed };
      for await (const piece of streamText(own, tokenizer, prompt, options)) sample += piece;
      return { metrics, report: `A sample, from ${JSON.stringify(prompt)}:\n\n${sample}`, details: { sample } };
    },
    best: { metric: 'loss', greaterIsBetter: false },
    saveProcessor: (folder) => tokenizer.savePretrained(folder),
    unit: 'tokens',
    facts: {
      data: `${config.data.join(', ')}: ${grouped(rows.train.length + rows.validation.length)} texts, in windows of ${seqLen} tokens`,
      split: `${grouped(windows.numTokens)} tokens to learn, ${grouped(validation.numTokens)} held out`,
    },
    pipeline: `--task text-generation ${shellText(prompt)}`,
  });
};

/** Texts behind each other as tokens, each ended by the token for that, or a line break. */
function joined(texts: readonly string[], tokenizer: Tokenizer): Int32Array {
  const separator = tokenizer.eosTokenId === undefined ? tokenizer.encodeIds('\n') : [tokenizer.eosTokenId];
  const encoded = texts.flatMap((text) => [tokenizer.encodeIds(text), separator]);
  const ids = new Int32Array(encoded.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of encoded) {
    ids.set(part, at);
    at += part.length;
  }
  return ids;
}

function firstWords(text: string): string {
  return /^\S+(?: \S+){0,3}/.exec(text.trim())?.[0] ?? text.slice(0, 10);
}
