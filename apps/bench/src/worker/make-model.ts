import type { InferModel, TrainSize } from '../harness/tasks.ts';

/** Writes a Hugging Face folder with random weights: a GPT-2 of a size to train, or GPT-2 124M, ViT-B/16, BERT-base or a tiny GPT-2. */
export async function makeModel(model: InferModel | TrainSize, folder: string): Promise<void> {
  using made = await create(model);
  await made.savePretrained(folder);
}

// Only what is made is imported.
async function create(model: InferModel | TrainSize) {
  if (model === 'bert') {
    const { BERT_PRESETS, BertModel } = await import('@formers/bert');
    return new BertModel({ vocabSize: 30522, ...BERT_PRESETS['bert-base'] }, { seed: 1, pooler: false });
  }
  if (model === 'vit') {
    const { VIT_PRESETS, ViTForImageClassification } = await import('@formers/vit');
    const labels = Array.from({ length: 1000 }, (_, i) => `LABEL_${i}`);
    return new ViTForImageClassification({ ...VIT_PRESETS['vit-base'], labels }, { seed: 1 });
  }
  const { GPT, GPT_PRESETS } = await import('@formers/gpt');
  if (model === 'gpt2') return new GPT({ vocabSize: 50257, ...GPT_PRESETS.gpt2 }, { seed: 1 });
  if (model === 'tiny') return new GPT({ vocabSize: 61, ...GPT_PRESETS.testing }, { seed: 1 });
  const { layers, dim, heads, context, vocab, dropout } = model;
  return new GPT(
    { vocabSize: vocab, contextLength: context, dim, numHeads: heads, numLayers: layers, dropout },
    { seed: 1 },
  );
}
