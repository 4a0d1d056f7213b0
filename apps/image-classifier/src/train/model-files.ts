import type { ImageProcessor } from '@formers/images';

import { type CardFacts, modelCard } from './model-card.ts';
import type { ImageModel } from './open-model.ts';

/** A trained model as a Hugging Face folder: config.json, model.safetensors, preprocessor_config.json and README.md, its model card. */
export async function modelFiles(
  model: ImageModel,
  { processor, facts }: { processor: ImageProcessor; facts: CardFacts },
): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  await model.savePretrained(files);
  await processor.savePretrained(files);
  return files.set('README.md', new TextEncoder().encode(modelCard(facts)));
}
