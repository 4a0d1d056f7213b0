import { encoderProperties } from '../../testing/src/index.ts';
import {
  ROBERTA_PRESETS,
  RobertaForMaskedLM,
  RobertaForMultipleChoice,
  RobertaForQuestionAnswering,
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
} from '../src/index.ts';
import {
  answerHead,
  choiceHead,
  encoderParts,
  numbers,
  segments,
  sequenceHead,
  someClasses,
  tokenHead,
  TINY,
  wordHead,
} from './support/heads.ts';

const options = () => ({ tokenTypeIds: segments() });
const rates = ({ dropout, initStd = 0.02 }: { dropout: number; initStd?: number }) => ({
  ...TINY,
  numTokenTypes: 2,
  dropout,
  attentionDropout: dropout,
  initStd,
});
const three = { labels: ['a', 'b', 'c'] };

encoderProperties<RobertaForMaskedLM>({
  name: 'RoBERTa',
  create: ({ seed, dropout = 0, ...config }) =>
    new RobertaForMaskedLM(
      { vocabSize: 45, ...ROBERTA_PRESETS.testing, dropout, attentionDropout: dropout, ...config },
      { seed },
    ),
  load: (files) => RobertaForMaskedLM.fromPretrained(files),
  tokens: ({ encoder }) => encoder.tokens.weight,
  positions: ({ encoder }) => ({ table: encoder.positions.weight, first: 2 }),
  outputBias: ({ head }) => head.projection?.bias ?? head.bias,
  ...encoderParts,
  heads: [
    wordHead({
      name: 'RobertaForMaskedLM',
      create: ({ seed, ...config }) => new RobertaForMaskedLM(rates(config), { seed }),
      load: (files) => RobertaForMaskedLM.fromPretrained(files),
      options,
    }),
    sequenceHead({
      name: 'RobertaForSequenceClassification, one class',
      create: ({ seed, ...config }) => new RobertaForSequenceClassification({ ...rates(config), ...three }, { seed }),
      load: (files) => RobertaForSequenceClassification.fromPretrained(files),
      chance: Math.log(3),
      options,
    }),
    sequenceHead(
      {
        name: 'RobertaForSequenceClassification, several classes',
        create: ({ seed, ...config }) => new RobertaForSequenceClassification({ ...rates(config), ...three }, { seed }),
        load: (files) => RobertaForSequenceClassification.fromPretrained(files),
        chance: Math.log(2),
        options,
      },
      someClasses,
    ),
    sequenceHead(
      {
        name: 'RobertaForSequenceClassification, regression',
        create: ({ seed, ...config }) =>
          new RobertaForSequenceClassification({ ...rates(config), labels: ['x'] }, { seed }),
        load: (files) => RobertaForSequenceClassification.fromPretrained(files),
        options,
      },
      numbers,
    ),
    tokenHead({
      name: 'RobertaForTokenClassification',
      create: ({ seed, ...config }) => new RobertaForTokenClassification({ ...rates(config), ...three }, { seed }),
      load: (files) => RobertaForTokenClassification.fromPretrained(files),
      options,
    }),
    answerHead({
      name: 'RobertaForQuestionAnswering',
      create: ({ seed, ...config }) => new RobertaForQuestionAnswering(rates(config), { seed }),
      load: (files) => RobertaForQuestionAnswering.fromPretrained(files),
      options,
    }),
    choiceHead({
      name: 'RobertaForMultipleChoice',
      create: ({ seed, ...config }) => new RobertaForMultipleChoice(rates(config), { seed }),
      load: (files) => RobertaForMultipleChoice.fromPretrained(files),
    }),
  ],
});
