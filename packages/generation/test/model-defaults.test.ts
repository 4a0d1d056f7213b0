import { expect, it } from 'vitest';

import { generate, GenerationError } from '../src/index.ts';
import { useEngineAndCheckLeaks } from './support/leak-check.ts';
import { tableModel } from './support/toy-models.ts';

useEngineAndCheckLeaks();

/** 0, 1, 2, 0, 1, ... with a `generation_config.json` beside its weights. */
const withFile = (file: string): ReturnType<typeof tableModel> =>
  Object.assign(
    tableModel([
      [0, 9, 0],
      [0, 0, 9],
      [9, 0, 0],
    ]),
    { origin: { generationConfig: new TextEncoder().encode(file) } },
  );

it('ends where the generation_config.json of the model says, unless the call says otherwise', async () => {
  const model = withFile('{ "eos_token_id": 2, "max_new_tokens": 7 }');
  expect((await generate(model, [0])).newTokens).toEqual([[1, 2]]);
  expect((await generate(model, [0], { eosTokenId: 1 })).newTokens).toEqual([[1]]);
  expect((await generate(model, [0], { eosTokenId: [] })).newTokens).toEqual([[1, 2, 0, 1, 2, 0, 1]]);
});

it('prefers what the program set on the model', async () => {
  const model = Object.assign(withFile('{ "eos_token_id": 2 }'), { generationConfig: { eosTokenId: 1 } });
  expect((await generate(model, [0], { maxNewTokens: 5 })).newTokens).toEqual([[1]]);
});

it('refuses a malformed file', async () => {
  await expect(generate(withFile('{'), [0])).rejects.toThrow(GenerationError);
  await expect(generate(withFile('{ "top_k": "many" }'), [0])).rejects.toThrow(/generation_config\.json: top_k/);
});
