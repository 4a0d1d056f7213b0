import { ConfigError, ValueError } from '@formers/backend';
import { type FolderLocation, openFolder } from '@formers/checkpoints';
import type { ImageProcessor } from '@formers/images';
import type { PretrainedOptions } from '@formers/nn';
import type { Tokenizer } from '@formers/tokenizers';

import type { AutoModelClass } from './auto/auto-model.ts';
import type { FeatureExtractionPipeline } from './tasks/feature-extraction.ts';
import type { FillMaskPipeline } from './tasks/fill-mask.ts';
import type { ImageClassificationPipeline } from './tasks/image-classification.ts';
import type { QuestionAnsweringPipeline } from './tasks/question-answering.ts';
import type { Text2TextPipeline } from './tasks/text2text-generation.ts';
import type { TextClassificationPipeline } from './tasks/text-classification.ts';
import type { TextGenerationPipeline } from './tasks/text-generation.ts';
import type { TokenClassificationPipeline } from './tasks/token-classification.ts';
import type { ZeroShotClassificationPipeline } from './tasks/zero-shot-classification.ts';

/** The pipeline of each task. */
export interface Pipelines {
  'feature-extraction': FeatureExtractionPipeline;
  'fill-mask': FillMaskPipeline;
  'image-classification': ImageClassificationPipeline;
  'question-answering': QuestionAnsweringPipeline;
  summarization: Text2TextPipeline<'summarization'>;
  'text-classification': TextClassificationPipeline;
  'text-generation': TextGenerationPipeline;
  'text2text-generation': Text2TextPipeline<'text2text-generation'>;
  'token-classification': TokenClassificationPipeline;
  translation: Text2TextPipeline<'translation'>;
  'zero-shot-classification': ZeroShotClassificationPipeline;
  /** Another name of `token-classification`. */
  ner: TokenClassificationPipeline;
  /** Another name of `text-classification`. */
  'sentiment-analysis': TextClassificationPipeline;
  /** `translation` between two languages, such as `translation_en_to_de`. */
  [translation: `translation_${string}_to_${string}`]: Text2TextPipeline<'translation'>;
}

/** The name of a task. */
export type TaskName = keyof Pipelines;

/** How {@link pipeline} opens a model. */
export interface PipelineOptions extends PretrainedOptions {
  /** A tokenizer, or where one lies; default the model's folder. */
  readonly tokenizer?: FolderLocation | Tokenizer | undefined;
  /** An image processor, or where one lies; default the model's folder. */
  readonly imageProcessor?: FolderLocation | ImageProcessor | undefined;
}

/**
 * Opens a model for a task, and gives a function that does it. Only the code of the task and the model's architecture is loaded. Choose an engine before, by
 * `useBackend`.
 *
 * @param task Such as `fill-mask`; see {@link Pipelines}.
 * @param model A Hugging Face folder: a path, a URL, a hub name, or files in memory. Default: a model on the hub, Hugging Face's own choice for the task.
 * @throws `ConfigError` for an unknown task or `model_type`; `CheckpointError` and `TokenizerError` for files that are missing or malformed.
 * @example
 * using fill = await pipeline('fill-mask', 'google-bert/bert-base-uncased');
 * const [{ token_str, score }] = await fill('The whale is [MASK].');
 */
export async function pipeline<Task extends TaskName>(
  task: Task,
  model?: FolderLocation,
  options: PipelineOptions = {},
): Promise<Pipelines[Task]> {
  const entry = taskEntry(task);
  const folder = await openFolder(model ?? entry.defaultModel, options);
  const load = await entry.load();
  return (await load(folder, { ...options, task })) as Pipelines[Task];
}

/** The names of all tasks. */
export function knownTasks(): string[] {
  return [...Object.keys(TASKS), ...Object.keys(ALIASES), 'translation_XX_to_YY'].sort();
}

/** Opens a folder for a task. */
type Load = (folder: FolderLocation, options: PipelineOptions & { task: string }) => Promise<Disposable>;

interface TaskEntry {
  /** On the hub: what Transformers takes. */
  readonly defaultModel: string;
  readonly load: () => Promise<Load>;
}

const ALIASES: Readonly<Record<string, string>> = {
  ner: 'token-classification',
  'sentiment-analysis': 'text-classification',
};

const TASKS: Readonly<Record<string, TaskEntry>> = {
  'feature-extraction': {
    defaultModel: 'distilbert/distilbert-base-cased',
    load: async () => {
      const [{ featureExtraction }, { AutoModelForTextEncoding }] = await Promise.all([
        import('./tasks/feature-extraction.ts'),
        import('./auto/text-encoding.ts'),
      ]);
      return withTokenizer(AutoModelForTextEncoding, featureExtraction);
    },
  },
  'fill-mask': {
    defaultModel: 'distilbert/distilroberta-base',
    load: async () => {
      const [{ fillMask }, { AutoModelForMaskedLM }] = await Promise.all([
        import('./tasks/fill-mask.ts'),
        import('./auto/masked-lm.ts'),
      ]);
      return withTokenizer(AutoModelForMaskedLM, fillMask);
    },
  },
  'image-classification': {
    defaultModel: 'google/vit-base-patch16-224',
    load: async () => {
      const [{ imageClassification }, { AutoModelForImageClassification }] = await Promise.all([
        import('./tasks/image-classification.ts'),
        import('./auto/image-classification.ts'),
      ]);
      return async (folder, options) => {
        const model = await AutoModelForImageClassification.fromPretrained(folder, options);
        return owning(model, async () =>
          imageClassification({ model, imageProcessor: await openImageProcessor(folder, options) }),
        );
      };
    },
  },
  'question-answering': {
    defaultModel: 'distilbert/distilbert-base-cased-distilled-squad',
    load: async () => {
      const [{ questionAnswering }, { AutoModelForQuestionAnswering }] = await Promise.all([
        import('./tasks/question-answering.ts'),
        import('./auto/question-answering.ts'),
      ]);
      return withTokenizer(AutoModelForQuestionAnswering, questionAnswering);
    },
  },
  summarization: { defaultModel: 'sshleifer/distilbart-cnn-12-6', load: () => text2text('summarization') },
  'text-classification': {
    defaultModel: 'distilbert/distilbert-base-uncased-finetuned-sst-2-english',
    load: async () => {
      const [{ textClassification }, { AutoModelForSequenceClassification }] = await Promise.all([
        import('./tasks/text-classification.ts'),
        import('./auto/sequence-classification.ts'),
      ]);
      return withTokenizer(AutoModelForSequenceClassification, textClassification);
    },
  },
  'text-generation': {
    defaultModel: 'openai-community/gpt2',
    load: async () => {
      const [{ textGeneration }, { AutoModelForCausalLM }] = await Promise.all([
        import('./tasks/text-generation.ts'),
        import('./auto/causal-lm.ts'),
      ]);
      return withTokenizer(AutoModelForCausalLM, textGeneration);
    },
  },
  'text2text-generation': { defaultModel: 'google-t5/t5-base', load: () => text2text('text2text-generation') },
  'token-classification': {
    defaultModel: 'dbmdz/bert-large-cased-finetuned-conll03-english',
    load: async () => {
      const [{ tokenClassification }, { AutoModelForTokenClassification }] = await Promise.all([
        import('./tasks/token-classification.ts'),
        import('./auto/token-classification.ts'),
      ]);
      return withTokenizer(AutoModelForTokenClassification, tokenClassification);
    },
  },
  translation: { defaultModel: 'google-t5/t5-base', load: () => text2text('translation') },
  'zero-shot-classification': {
    defaultModel: 'facebook/bart-large-mnli',
    load: async () => {
      const [{ zeroShotClassification }, { AutoModelForSequenceClassification }] = await Promise.all([
        import('./tasks/zero-shot-classification.ts'),
        import('./auto/sequence-classification.ts'),
      ]);
      return withTokenizer(AutoModelForSequenceClassification, zeroShotClassification);
    },
  },
};

async function text2text(task: 'summarization' | 'text2text-generation' | 'translation'): Promise<Load> {
  const [{ text2textGeneration }, { AutoModelForSeq2SeqLM }] = await Promise.all([
    import('./tasks/text2text-generation.ts'),
    import('./auto/seq2seq-lm.ts'),
  ]);
  return withTokenizer(AutoModelForSeq2SeqLM, (parts, paramsOf) => text2textGeneration(task, { ...parts, paramsOf }));
}

function taskEntry(task: string): TaskEntry {
  const name = /^translation_.+_to_.+$/.test(task) ? 'translation' : (ALIASES[task] ?? task);
  const entry = Object.hasOwn(TASKS, name) ? TASKS[name] : undefined;
  if (entry) return entry;
  throw new ConfigError(`pipeline: task must be one of ${knownTasks().join(', ')}, got ${JSON.stringify(task)}`);
}

/** Opens model and tokenizer of a folder. */
function withTokenizer<Model extends Disposable>(
  models: AutoModelClass<Model>,
  create: (parts: { model: Model; tokenizer: Tokenizer }, task: string) => Disposable,
): Load {
  return async (folder, options) => {
    const tokenizer = await openTokenizer(folder, options);
    const model = await models.fromPretrained(folder, options);
    return owning(model, async () => create({ model, tokenizer }, options.task));
  };
}

/** A pipeline whose `dispose` frees the model; a model whose pipeline can't be made is freed at once. */
async function owning<Made extends Disposable>(
  model: Disposable,
  create: () => Promise<Made>,
): Promise<Made & { dispose(): void }> {
  const dispose = (): void => model[Symbol.dispose]();
  try {
    return Object.assign(await create(), { dispose, [Symbol.dispose]: dispose });
  } catch (error) {
    dispose();
    throw error;
  }
}

async function openTokenizer(
  folder: FolderLocation,
  { tokenizer = folder, ...options }: PipelineOptions,
): Promise<Tokenizer> {
  if (isObject(tokenizer) && 'encodeBatch' in tokenizer) return tokenizer;
  const { AutoTokenizer } = await import('./auto/auto-tokenizer.ts');
  return AutoTokenizer.fromPretrained(tokenizer, options);
}

async function openImageProcessor(
  folder: FolderLocation,
  { imageProcessor = folder, ...options }: PipelineOptions,
): Promise<ImageProcessor> {
  if (isObject(imageProcessor) && 'process' in imageProcessor) return imageProcessor;
  const { AutoImageProcessor } = await import('./auto/auto-image-processor.ts');
  return AutoImageProcessor.fromPretrained(imageProcessor, options);
}

function isObject<Value>(value: Value): value is Value & object {
  if (value === null)
    throw new ValueError('pipeline: tokenizer and imageProcessor must be folders or opened, got null');
  return typeof value === 'object';
}
