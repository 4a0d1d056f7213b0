import { UsageError } from '@formers/cli';
import { PretrainedModel } from '@formers/nn';
import { LoRA } from '@formers/training';

import type { TaskConfig } from '../options.ts';
import type { TaskModel } from '../tasks/task.ts';

/** The layers that PEFT adapts of each `model_type`, in the words of its checkpoints. */
const TARGETS: Readonly<Record<string, readonly string[]>> = {
  bart: ['q_proj', 'v_proj'],
  bert: ['query', 'value'],
  deit: ['query', 'value'],
  distilbert: ['q_lin', 'v_lin'],
  gpt2: ['c_attn'],
  gpt_neo: ['q_proj', 'v_proj'],
  marian: ['q_proj', 'v_proj'],
  'openai-gpt': ['c_attn'],
  roberta: ['query', 'value'],
  t5: ['q', 'v'],
  vit: ['query', 'value'],
};

/** New low-rank adapters for a model, or those of a checkpoint. A head that the model's checkpoint lacked is trained and saved whole. */
export async function openAdapters(
  model: TaskModel,
  { config, checkpoint }: { config: TaskConfig; checkpoint: string | undefined },
): Promise<LoRA> {
  if (!isAdaptable(model)) throw new UsageError('--lora: this model has no layers to adapt');
  if (checkpoint !== undefined) return LoRA.fromPretrained(model, checkpoint);
  const { format, origin } = model;
  const { loraRank: rank = 8, loraAlpha: alpha = 16, loraDropout: dropout = 0, loraTargets, seed } = config;
  const modelType = format.modelType;
  const targets = loraTargets?.split(',').map((name) => name.trim()) ?? TARGETS[modelType];
  if (!targets) throw new UsageError(`--lora-targets is missing: there is no usual choice for a ${modelType}`);
  const modulesToSave = [...new Set((origin?.fresh ?? []).map((name) => name.slice(0, name.lastIndexOf('.'))))];
  return new LoRA(model, { targets, rank, alpha, dropout, modulesToSave, seed, base: config.model });
}

function isAdaptable(model: TaskModel): model is TaskModel & PretrainedModel<never, unknown, object> {
  return model instanceof PretrainedModel;
}
