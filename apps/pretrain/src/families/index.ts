import type { Family } from '../family.ts';
import { BART_FAMILY } from './bart.ts';
import { BERT_FAMILY } from './bert.ts';
import { GPT_FAMILY } from './gpt.ts';
import { ROBERTA_FAMILY } from './roberta.ts';
import { T5_FAMILY } from './t5.ts';
import { TRANSFORMER_FAMILY } from './transformer.ts';
import { VIT_FAMILY } from './vit.ts';

/** What `--family` can be; the first one is the default. */
export const FAMILIES: readonly [Family, ...Family[]] = [
  GPT_FAMILY,
  BERT_FAMILY,
  ROBERTA_FAMILY,
  T5_FAMILY,
  BART_FAMILY,
  TRANSFORMER_FAMILY,
  VIT_FAMILY,
];
