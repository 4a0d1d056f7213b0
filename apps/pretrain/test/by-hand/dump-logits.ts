// Prints tokens and logits of run folders as JSON, for python_round_trip.py.
import { cpu, useBackend } from '@formers/backend';
import { GPT } from '@formers/gpt';
import { Tokenizer } from '@formers/tokenizers';
import { findCheckpoint } from '@formers/training';
import { squeeze, tensor2d } from '@tensorflow/tfjs-core';

await useBackend(cpu());
const cases: object[] = [];
for (const run of process.argv.slice(2)) {
  const { folder } = await findCheckpoint(run);
  const tokenizer = await Tokenizer.fromPretrained(folder);
  using model = await GPT.fromPretrained(folder);
  const text = 'Call me Ishmael. Some years ago';
  const ids = [...tokenizer.encodeIds(text)];
  const logits = squeeze(model.call(tensor2d([ids.slice(0, model.config.contextLength)], undefined, 'int32')), [0]);
  cases.push({ folder, text, ids, decoded: tokenizer.decode(ids), logits: await logits.array() });
}
console.log(JSON.stringify(cases));
