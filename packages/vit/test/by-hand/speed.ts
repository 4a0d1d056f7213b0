/** How long ViT-B/16 takes for one image on the SIMD engine, one thread: `pnpm exec node packages/vit/test/by-hand/speed.ts`. */
import { useBackend } from '@formers/backend';
import { randomUniform, type Tensor4D } from '@tensorflow/tfjs-core';

import { simd } from '../../../backend-simd/src/index.ts';
import { VIT_PRESETS, ViTForImageClassification } from '../../src/index.ts';

console.log(await useBackend(simd({ threads: 1 })));
using model = new ViTForImageClassification(VIT_PRESETS['vit-base'], { seed: 1 });
const images = randomUniform([1, 3, 224, 224], -1, 1, 'float32', 7) as Tensor4D;
const times: number[] = [];
for (let run = 0; run < 10; run++) {
  const start = performance.now();
  const logits = model.call(images);
  logits.dataSync();
  logits.dispose();
  if (run >= 2) times.push(performance.now() - start);
}
times.sort((a, b) => a - b);
console.log(`median ${times[4]?.toFixed(0)} ms, shortest ${times[0]?.toFixed(0)} ms`);
