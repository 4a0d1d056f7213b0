import { encoderProperties } from '../../testing/src/index.ts';
import {
  DISTILBERT_PRESETS,
  DistilBertForMaskedLM,
  DistilBertForMultipleChoice,
  DistilBertForQuestionAnswering,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
} from '../src/index.ts';
import {
  answerHead,
  choiceHead,
  encoderParts,
  numbers,
  sequenceHead,
  someClasses,
  tokenHead,
  TINY,
  wordHead,
} from './support/heads.ts';

const rates = ({ dropout, initStd = 0.02 }: { dropout: number; initStd?: number }) => ({
  ...TINY,
  dropout,
  attentionDropout: dropout,
  classifierDropout: dropout,
  answerDropout: dropout,
  initStd,
});
const three = { labels: ['a', 'b', 'c'] };

encoderProperties<DistilBertForMaskedLM>({
  name: 'DistilBERT',
  create: ({ seed, dropout = 0, ...config }) =>
    new DistilBertForMaskedLM(
      { vocabSize: 45, ...DISTILBERT_PRESETS.testing, dropout, attentionDropout: dropout, ...config },
      { seed },
    ),
  load: (files) => DistilBertForMaskedLM.fromPretrained(files),
  tokens: ({ encoder }) => encoder.tokens.weight,
  positions: ({ encoder }) => ({ table: encoder.positions.weight, first: 0 }),
  outputBias: ({ head }) => head.bias,
  ...encoderParts,
  heads: [
    wordHead({
      name: 'DistilBertForMaskedLM',
      create: ({ seed, ...config }) => new DistilBertForMaskedLM(rates(config), { seed }),
      load: (files) => DistilBertForMaskedLM.fromPretrained(files),
    }),
    sequenceHead({
      name: 'DistilBertForSequenceClassification, one class',
      create: ({ seed, ...config }) =>
        new DistilBertForSequenceClassification({ ...rates(config), ...three }, { seed }),
      load: (files) => DistilBertForSequenceClassification.fromPretrained(files),
      chance: Math.log(3),
    }),
    sequenceHead(
      {
        name: 'DistilBertForSequenceClassification, several classes',
        create: ({ seed, ...config }) =>
          new DistilBertForSequenceClassification({ ...rates(config), ...three }, { seed }),
        load: (files) => DistilBertForSequenceClassification.fromPretrained(files),
        chance: Math.log(2),
      },
      someClasses,
    ),
    sequenceHead(
      {
        name: 'DistilBertForSequenceClassification, regression',
        create: ({ seed, ...config }) =>
          new DistilBertForSequenceClassification({ ...rates(config), labels: ['x'] }, { seed }),
        load: (files) => DistilBertForSequenceClassification.fromPretrained(files),
      },
      numbers,
    ),
    tokenHead({
      name: 'DistilBertForTokenClassification',
      create: ({ seed, ...config }) => new DistilBertForTokenClassification({ ...rates(config), ...three }, { seed }),
      load: (files) => DistilBertForTokenClassification.fromPretrained(files),
    }),
    answerHead({
      name: 'DistilBertForQuestionAnswering',
      create: ({ seed, ...config }) => new DistilBertForQuestionAnswering(rates(config), { seed }),
      load: (files) => DistilBertForQuestionAnswering.fromPretrained(files),
    }),
    choiceHead({
      name: 'DistilBertForMultipleChoice',
      create: ({ seed, ...config }) => new DistilBertForMultipleChoice(rates(config), { seed }),
      load: (files) => DistilBertForMultipleChoice.fromPretrained(files),
    }),
  ],
});
