import { misfitOf, UsageError } from '@formers/cli';
import { type KnownTasks, knownTasks, knownTasksOf } from '@formers/pipelines';

/** The task of `finetune` that makes a head for one of `pipeline`, and what it learns from. */
const FINETUNING: Readonly<Record<string, readonly [task: string, data: string]>> = {
  'text-classification': ['text-classification', '<file of texts and labels>'],
  'token-classification': ['token-classification', '<file of words and tags>'],
  'question-answering': ['question-answering', '<file of questions, contexts and answers>'],
  'text2text-generation': ['seq2seq', '<file of sources and targets>'],
  'text-generation': ['causal-lm', '<text file>'],
  'image-classification': ['image-classification', '<folder of images>'],
};

/** Names that are another one's task, for a model. */
const SAME: Readonly<Record<string, string>> = {
  ner: 'token-classification',
  'sentiment-analysis': 'text-classification',
  summarization: 'text2text-generation',
  translation: 'text2text-generation',
  'zero-shot-classification': 'text-classification',
};

/**
 * Why a model could not be opened for a task, where the reason is that it is for another one: what it can do, and how it learns this one. Other errors are as they were.
 *
 * @param options.model As the user named it; `folder` is where it lies.
 */
export async function explain(
  error: unknown,
  { task, model, folder, signal }: { task: string; model: string; folder: string; signal: AbortSignal },
): Promise<unknown> {
  const misfit = misfitOf(error);
  const wanted = SAME[task.startsWith('translation') ? 'translation' : task] ?? task;
  const needsHead = knownTasks().includes(wanted) && wanted !== 'feature-extraction';
  const known = misfit && needsHead && (await tasksAt(folder, signal));
  if (!known || known.tasks.includes(wanted)) return error;
  const { architecture, tasks } = known;
  const can = tasks.length > 0 ? `, for ${tasks.join(', ')}` : '';
  const [learned, data] = FINETUNING[wanted] ?? [];
  const isLearnable =
    misfit === 'head' || (architecture === 'ViTMAEForPreTraining' && wanted === 'image-classification');
  const how =
    isLearnable && learned
      ? `; fine-tune it: npx pnpm@12 finetune --model ${model} --task ${learned} --data ${data}`
      : '';
  return new UsageError(`${model} has no head for ${task}: it is a ${architecture}${can}${how}`);
}

async function tasksAt(folder: string, signal: AbortSignal): Promise<KnownTasks | undefined> {
  return knownTasksOf(folder, { signal }).catch(() => undefined);
}
