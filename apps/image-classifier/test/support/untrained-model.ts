import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { cpu, useBackend } from '@formers/backend';
import { VIT_PRESETS, ViTForImageClassification } from '@formers/vit';

/** Saves a Vision Transformer of the demo's shape with fresh weights as a Hugging Face folder: it runs, and knows nothing. */
export async function saveUntrainedModel(folder: string): Promise<void> {
  await useBackend(cpu());
  using model = new ViTForImageClassification({ ...VIT_PRESETS.mnist, labels: '0123456789'.split('') }, { seed: 7 });
  await model.savePretrained(folder);
  const processor = {
    image_processor_type: 'ViTImageProcessor',
    do_resize: true,
    size: { height: 28, width: 28 },
    resample: 2,
    image_mean: [0.5],
    image_std: [0.5],
  };
  await writeFile(path.join(folder, 'preprocessor_config.json'), JSON.stringify(processor));
}
