/** The second step of lora.py: opens adapters of peft, trains them on, and writes them, the merged weights and logits to a folder. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpu, useBackend } from '@formers/backend';
import { fromFloat32, serializeSafetensors } from '@formers/checkpoints';

import { AdamW, LoRA } from '../../src/index.ts';
import { caseNames, fixtureFolder, loraCases, loraIds } from '../lora-cases.ts';

const out = process.argv[2] as string;
await useBackend(cpu());
for (const name of caseNames) {
  const { open, loss, logits } = loraCases[name];
  using model = await open(fixtureFolder(`${name}/base`));
  using lora = await LoRA.fromPretrained(model, fixtureFolder(`${name}/adapter`));
  using optimizer = new AdamW(lora, { learningRate: 0.05 });
  const ids = loraIds();
  for (let step = 0; step < 10; step++)
    console.log(name, step, await optimizer.minimize(() => loss(model, ids)).loss());
  const folder = join(out, name);
  mkdirSync(folder, { recursive: true });
  await lora.savePretrained(join(folder, 'adapter'));
  const values = logits(model, ids);
  const stored = fromFloat32(values.dataSync<'float32'>(), values.shape);
  writeFileSync(join(folder, 'logits.safetensors'), serializeSafetensors([['logits', stored]]));
  lora.merge();
  await model.savePretrained(join(folder, 'merged'));
}
