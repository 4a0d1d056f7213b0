import type { TaskName } from '../options.ts';
import { causalLm } from './causal-lm.ts';
import { imageClassification } from './image-classification.ts';
import { questionAnswering } from './question-answering.ts';
import { seq2seq } from './seq2seq.ts';
import type { PrepareTask } from './task.ts';
import { textClassification } from './text-classification.ts';
import { tokenClassification } from './token-classification.ts';

/** All tasks by name. */
export const TASKS: Readonly<Record<TaskName, PrepareTask>> = {
  'text-classification': textClassification,
  'token-classification': tokenClassification,
  'question-answering': questionAnswering,
  seq2seq,
  'causal-lm': causalLm,
  'image-classification': imageClassification,
};
