import { type Checkpoint, type FolderLocation, openCheckpoint, openFolder, readJson } from '@formers/checkpoints';
import { type LoadRequest, loadPretrained, type PretrainedModel } from '@formers/nn';

import type { BARTConfig } from './config.ts';

/** Opens a Hugging Face folder. Which tables of tokens are apart shows in the file: the config of older releases doesn't tell. */
export async function loadBART<Model extends PretrainedModel<never, unknown, BARTConfig>>(
  location: FolderLocation,
  { format, create, options = {} }: LoadRequest<BARTConfig, Model>,
): Promise<Model> {
  const folder = await openFolder(location, options);
  const { tie_word_embeddings: tied = true } = await readJson(folder, 'config.json');
  const checkpoint = await openCheckpoint(folder, options);
  const isApart = async (name: string): Promise<boolean> =>
    nameIn(checkpoint, name) !== undefined && !(tied && (await isCopy(checkpoint, name)));
  const [sourceApart, targetApart, headApart] = [
    await isApart('encoder.embed_tokens.weight'),
    await isApart('decoder.embed_tokens.weight'),
    await isApart('lm_head.weight'),
  ];
  const found = {
    shareEmbeddings: !sourceApart && !targetApart,
    tieEmbeddings: Boolean(tied) && !headApart,
    logitsBias: checkpoint.has('final_logits_bias'),
  };
  return loadPretrained(folder, {
    format,
    create: (config, init) => create({ ...config, ...found }, init),
    options,
  });
}

/** A name of the base model as the file has it, with or without the prefix. */
function nameIn(checkpoint: Checkpoint, name: string): string | undefined {
  return [name, `model.${name}`].find((one) => checkpoint.has(one));
}

/** Whether a table has the values of the shared one, as files that were not written by Transformers may. */
async function isCopy(checkpoint: Checkpoint, name: string): Promise<boolean> {
  const [one, shared] = [nameIn(checkpoint, name), nameIn(checkpoint, 'shared.weight')];
  if (one === undefined || shared === undefined) return false;
  const [{ bytes }, { bytes: others }] = [await checkpoint.read(one), await checkpoint.read(shared)];
  return bytes.length === others.length && bytes.every((byte, i) => byte === others[i]);
}
