import { tensor1d } from '@tensorflow/tfjs-core';

import { encoderProperties } from '../../testing/src/index.ts';
import {
  BERT_PRESETS,
  BertForMaskedLM,
  BertForMultipleChoice,
  BertForNextSentencePrediction,
  BertForPreTraining,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
} from '../src/index.ts';
import {
  answerHead,
  choiceHead,
  encoderParts,
  numbers,
  segments,
  sequenceHead,
  someClasses,
  subjectOf,
  tokenHead,
  TINY,
  wordHead,
  wordsOf,
} from './support/heads.ts';

const options = () => ({ tokenTypeIds: segments() });
const rates = ({ dropout, initStd = 0.02 }: { dropout: number; initStd?: number }) => ({
  ...TINY,
  dropout,
  attentionDropout: dropout,
  initStd,
});
const three = { labels: ['a', 'b', 'c'] };
const follows = () => tensor1d([0, 1, 1], 'int32');

encoderProperties<BertForMaskedLM>({
  name: 'BERT',
  create: ({ seed, dropout = 0, ...config }) =>
    new BertForMaskedLM(
      { vocabSize: 45, ...BERT_PRESETS.testing, dropout, attentionDropout: dropout, ...config },
      { seed },
    ),
  load: (files) => BertForMaskedLM.fromPretrained(files),
  tokens: ({ encoder }) => encoder.tokens.weight,
  positions: ({ encoder }) => ({ table: encoder.positions.weight, first: 0 }),
  outputBias: ({ head }) => head.projection?.bias ?? head.bias,
  ...encoderParts,
  heads: [
    wordHead({
      name: 'BertForMaskedLM',
      create: ({ seed, ...config }) => new BertForMaskedLM(rates(config), { seed }),
      load: (files) => BertForMaskedLM.fromPretrained(files),
      options,
    }),
    subjectOf(
      {
        name: 'BertForPreTraining',
        create: ({ seed, ...config }) => new BertForPreTraining(rates(config), { seed }),
        load: (files) => BertForPreTraining.fromPretrained(files),
        chance: Math.log(TINY.vocabSize) + Math.log(2),
      },
      (model, seed) => {
        const [ids, call, targets, labels] = [wordsOf(seed), options(), wordsOf(seed + 50), follows()];
        return {
          model,
          predict: () => Object.values(model.call(ids, call)),
          loss: () => model.loss(ids, { ...call, targets, labels }),
        };
      },
    ),
    subjectOf(
      {
        name: 'BertForNextSentencePrediction',
        create: ({ seed, ...config }) => new BertForNextSentencePrediction(rates(config), { seed }),
        load: (files) => BertForNextSentencePrediction.fromPretrained(files),
        chance: Math.log(2),
      },
      (model, seed) => {
        const [ids, call, labels] = [wordsOf(seed), options(), follows()];
        return { model, predict: () => [model.call(ids, call)], loss: () => model.loss(ids, { ...call, labels }) };
      },
    ),
    sequenceHead({
      name: 'BertForSequenceClassification, one class',
      create: ({ seed, ...config }) => new BertForSequenceClassification({ ...rates(config), ...three }, { seed }),
      load: (files) => BertForSequenceClassification.fromPretrained(files),
      chance: Math.log(3),
      options,
    }),
    sequenceHead(
      {
        name: 'BertForSequenceClassification, several classes',
        create: ({ seed, ...config }) => new BertForSequenceClassification({ ...rates(config), ...three }, { seed }),
        load: (files) => BertForSequenceClassification.fromPretrained(files),
        chance: Math.log(2),
        options,
      },
      someClasses,
    ),
    sequenceHead(
      {
        name: 'BertForSequenceClassification, regression',
        create: ({ seed, ...config }) =>
          new BertForSequenceClassification({ ...rates(config), labels: ['x'] }, { seed }),
        load: (files) => BertForSequenceClassification.fromPretrained(files),
        options,
      },
      numbers,
    ),
    tokenHead({
      name: 'BertForTokenClassification',
      create: ({ seed, ...config }) => new BertForTokenClassification({ ...rates(config), ...three }, { seed }),
      load: (files) => BertForTokenClassification.fromPretrained(files),
      options,
    }),
    answerHead({
      name: 'BertForQuestionAnswering',
      create: ({ seed, ...config }) => new BertForQuestionAnswering(rates(config), { seed }),
      load: (files) => BertForQuestionAnswering.fromPretrained(files),
      options,
    }),
    choiceHead({
      name: 'BertForMultipleChoice',
      create: ({ seed, ...config }) => new BertForMultipleChoice(rates(config), { seed }),
      load: (files) => BertForMultipleChoice.fromPretrained(files),
    }),
  ],
});
