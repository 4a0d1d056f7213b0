import type { FolderLocation, OpenFolderOptions } from '@formers/checkpoints';

import { openModelFolder } from './auto/model-folder.ts';

/** What classes of Hugging Face are for, by how their names end. */
const TASKS: readonly (readonly [ending: RegExp, tasks: readonly string[]])[] = [
  [/^(?!ViT).*ForPreTraining$|ForMaskedLM$/, ['fill-mask']],
  [/ForSequenceClassification$/, ['text-classification']],
  [/ForTokenClassification$/, ['token-classification']],
  [/ForQuestionAnswering$/, ['question-answering']],
  [/LMHeadModel$|ForCausalLM$/, ['text-generation']],
  [
    /ForConditionalGeneration$|MTModel$|^torch\.nn\.Transformer$/,
    ['text2text-generation', 'summarization', 'translation'],
  ],
  [/ForImageClassification(WithTeacher)?$|^timm_wrapper$/, ['image-classification']],
];

/** What a folder holds, and what that can do as it is. */
export interface KnownTasks {
  /** The class in its config.json, such as `BertForMaskedLM`; its kind where it names none. */
  readonly architecture: string;
  /** `model_type`, or what stands for it. */
  readonly modelType: string;
  /** Tasks of `pipeline`; none where the model has no head for one. */
  readonly tasks: readonly string[];
}

/**
 * Tells which tasks the model of a folder has a head for, by its config.json; hidden states (`feature-extraction`), which any model has, don't count.
 *
 * @throws `ConfigError` or `CheckpointError` for a folder without a model.
 */
export async function knownTasksOf(location: FolderLocation, options: OpenFolderOptions = {}): Promise<KnownTasks> {
  const { architectures, modelType } = await openModelFolder(location, { options, where: 'knownTasksOf' });
  const [architecture = modelType] = architectures;
  return { architecture, modelType, tasks: TASKS.find(([ending]) => ending.test(architecture))?.[1] ?? [] };
}
