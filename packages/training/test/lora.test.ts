import { ConfigError, cpu, useBackend, withDropout } from '@formers/backend';
import { CheckpointError, parseSafetensors, type StoredTensor, toFloat32 } from '@formers/checkpoints';
import { memory, scalar } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { AdamW, LoRA } from '../src/index.ts';
import { linearMaps, type Target } from '../src/lora/targets.ts';
import {
  caseNames,
  fixtureFolder,
  fixtureTensors,
  largestDifference,
  loraCases,
  loraIds,
  savedWeights,
} from './lora-cases.ts';
import { weightsOf } from './toy-model.ts';

beforeAll(() => useBackend(cpu()));

describe.each(caseNames)('LoRA of %s', (name) => {
  const { open, logits, loss, targets, modulesToSave } = loraCases[name];
  const openBase = () => open(fixtureFolder(`${name}/base`));
  const outputOf = (model: unknown): Float32Array => {
    const ids = loraIds();
    const output = logits(model, ids);
    const values = output.dataSync<'float32'>().slice();
    ids.dispose();
    output.dispose();
    return values;
  };

  it("computes what PEFT computes with PEFT's adapter, and merges into the same weights", async () => {
    using model = await openBase();
    const before = outputOf(model);
    const base = await savedWeights(model);
    using lora = await LoRA.fromPretrained(model, fixtureFolder(`${name}/adapter`));
    const expected = (await fixtureTensors(`${name}/logits.safetensors`)).get('logits') as Float32Array;
    expect(largestDifference(outputOf(model), expected)).toBeLessThan(1e-5);
    expect(largestDifference(before, expected)).toBeGreaterThan(1e-2);

    lora.merge();
    expect(lora.isMerged).toBe(true);
    const merged = await savedWeights(model);
    const wanted = await fixtureTensors(`${name}/merged/model.safetensors`);
    expect([...merged.keys()].toSorted()).toEqual([...wanted.keys()].toSorted());
    for (const [key, values] of wanted)
      expect(largestDifference(merged.get(key) as Float32Array, values), key).toBeLessThan(1e-6);
    expect(largestDifference(outputOf(model), expected)).toBeLessThan(1e-5);

    lora.unmerge();
    expect(largestDifference(outputOf(model), expected)).toBeLessThan(1e-5);
    lora.detach();
    expect(outputOf(model)).toEqual(before);
    expect(await savedWeights(model)).toEqual(base);
  });

  it('saves the tensors that PEFT saved', async () => {
    using model = await openBase();
    using lora = await LoRA.fromPretrained(model, fixtureFolder(`${name}/adapter`));
    const files = new Map<string, Uint8Array>();
    await lora.savePretrained(files);
    const { tensors } = parseSafetensors(files.get('adapter_model.safetensors') as Uint8Array);
    const wanted = await fixtureTensors(`${name}/adapter/adapter_model.safetensors`);
    expect([...tensors.keys()]).toEqual([...wanted.keys()].toSorted());
    using again = await LoRA.fromPretrained(model, files);
    expect(weightsOf(again as never)).toEqual(weightsOf(lora as never));
  });

  it('trains the adapter and nothing else; adapters switch without the base being loaded again', async () => {
    using model = await openBase();
    const before = outputOf(model);
    const base = weightsOf(model as never);
    using first = new LoRA(model, { targets, rank: 2, alpha: 4, seed: 1, ...(modulesToSave && { modulesToSave }) });
    expect(outputOf(model)).toEqual(before); // the second factors are zero
    using optimizer = new AdamW(first, { learningRate: 0.05 });
    const ids = loraIds();
    const losses: number[] = [];
    for (let step = 0; step < 20; step++) losses.push(await optimizer.minimize(() => loss(model, ids)).loss());
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) - 0.01);
    const trained = outputOf(model);
    using second = new LoRA(model, { targets: targets.slice(0, 1), rank: 1, seed: 2 });
    expect(outputOf(model)).toEqual(before);
    first.attach();
    expect(outputOf(model)).toEqual(trained);
    second.attach();
    expect(outputOf(model)).toEqual(before);
    expect(weightsOf(model as never)).toEqual(base);
    ids.dispose();
  });

  it('frees what it had', async () => {
    using model = await openBase();
    const { numTensors } = memory();
    {
      using lora = await LoRA.fromPretrained(model, fixtureFolder(`${name}/adapter`));
      lora.merge();
    }
    expect(memory().numTensors).toBe(numTensors);
    const merging = await LoRA.fromPretrained(model, fixtureFolder(`${name}/adapter`));
    merging.mergeAndUnload();
    expect(memory().numTensors).toBe(numTensors);
    const expected = (await fixtureTensors(`${name}/logits.safetensors`)).get('logits') as Float32Array;
    expect(largestDifference(outputOf(model), expected)).toBeLessThan(1e-5);
  });
});

describe('LoRA', () => {
  const openGPT = () => loraCases.gpt2.open(fixtureFolder('gpt2/base'));

  it("names targets in our words or in Hugging Face's, and writes those of PEFT", async () => {
    using model = await openGPT();
    for (const targets of [['attention.output'], ['attn.c_proj']]) {
      using lora = new LoRA(model, { targets });
      expect([...lora.namedParameters().keys()]).toEqual([
        'decoder.layers.0.attention.output.loraA',
        'decoder.layers.0.attention.output.loraB',
      ]);
      expect(lora.config).toMatchObject({ targets: ['attn.c_proj'], isTransposed: true });
    }
    using both = new LoRA(model, { targets: ['c_proj'] });
    expect(both.config.targets).toEqual(['c_proj']);
  });

  it('drops values in training only, and rsLoRA divides by the root of the rank', async () => {
    using model = await openGPT();
    using lora = await LoRA.fromPretrained(model, fixtureFolder('gpt2/adapter'));
    const files = new Map<string, Uint8Array>();
    await lora.savePretrained(files);
    const change = async (changes: object): Promise<Float32Array[]> => {
      const config = JSON.parse(new TextDecoder().decode(files.get('adapter_config.json'))) as object;
      const changed = new Map(files).set(
        'adapter_config.json',
        new TextEncoder().encode(JSON.stringify({ ...config, ...changes })),
      );
      using adapter = await LoRA.fromPretrained(model, changed);
      const ids = loraIds();
      const quiet = loraCases.gpt2.logits(model, ids);
      const noisy = withDropout({ seed: 1, step: 0, microBatch: 0 }, () => loraCases.gpt2.logits(model, ids));
      expect(adapter.isMerged).toBe(false);
      return [quiet, noisy].map((output) => output.dataSync<'float32'>());
    };
    const [plain] = (await change({})) as [Float32Array];
    const [quiet, noisy] = (await change({ lora_dropout: 0.5 })) as [Float32Array, Float32Array];
    expect(quiet).toEqual(plain);
    expect(largestDifference(noisy, plain)).toBeGreaterThan(1e-3);
    const [rescaled] = (await change({ use_rslora: true, lora_alpha: 5 / Math.sqrt(3) })) as [Float32Array];
    expect(largestDifference(rescaled, plain)).toBeLessThan(1e-6);
  });

  it("writes zeros for the map of torch's attention that it leaves alone: PEFT adapts both or none", async () => {
    using model = await loraCases.torch.open(fixtureFolder('torch/base'));
    using lora = new LoRA(model, { targets: ['encoder.layers.0.attention.queryKeyValue'], rank: 2, seed: 1 });
    expect(lora.config.targets).toEqual(['encoder.layers.0.self_attn']);
    using optimizer = new AdamW(lora, { learningRate: 0.05 });
    const ids = loraIds();
    for (let step = 0; step < 3; step++) optimizer.minimize(() => loraCases.torch.loss(model, ids));
    const trained = loraCases.torch.logits(model, ids).dataSync<'float32'>();
    const files = new Map<string, Uint8Array>();
    await lora.savePretrained(files);
    const { tensors } = parseSafetensors(files.get('adapter_model.safetensors') as Uint8Array);
    const attention = 'base_model.model.transformer.encoder.layers.0.self_attn';
    expect([...tensors.keys()]).toEqual(
      ['.base_layer.out_proj.lora_A', '.base_layer.out_proj.lora_B', '.lora_A', '.lora_B'].map(
        (end) => `${attention}${end}.weight`,
      ),
    );
    using again = await LoRA.fromPretrained(model, files);
    expect([...again.namedParameters().keys()]).toHaveLength(4);
    expect(loraCases.torch.logits(model, ids).dataSync<'float32'>()).toEqual(trained);
    using further = new AdamW(again, { learningRate: 0.05 });
    further.minimize(() => loraCases.torch.loss(model, ids));
    const idle = [...weightsOf(again as never)].filter(([path]) => path.includes('output'));
    expect(idle.map(([, values]) => values.every((value) => value === 0))).toEqual([true, true]); // they never learn
    ids.dispose();
  });

  it('reaches weights that a model reads itself: cross-attention of one projection, an output layer', async () => {
    using model = await loraCases.torch.open(fixtureFolder('torch/base'));
    using lora = new LoRA(model, { targets: ['crossAttention.queryKeyValue'], rank: 2, seed: 1 });
    using optimizer = new AdamW(lora, { learningRate: 0.1 });
    const ids = loraIds();
    const losses: number[] = [];
    for (let step = 0; step < 10; step++)
      losses.push(await optimizer.minimize(() => loraCases.torch.loss(model, ids)).loss());
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) - 0.01);
    const logits = (): Float32Array => loraCases.torch.logits(model, ids).dataSync<'float32'>().slice();
    const adapted = logits();
    lora.merge();
    expect(largestDifference(logits(), adapted)).toBeLessThan(1e-5);
    lora.detach();
    expect(largestDifference(logits(), adapted)).toBeGreaterThan(1e-3);
    ids.dispose();
  });

  it('says before the first step which adapters the loss does without', async () => {
    using model = await loraCases.torch.open(fixtureFolder('torch/base'));
    using lora = new LoRA(model, { targets: ['mlp.hidden'] });
    using optimizer = new AdamW(lora, { learningRate: 0.1 });
    const before = memory().numTensors;
    expect(() => optimizer.minimize(() => scalar(1))).toThrow(
      'LoRA: targets: the loss was computed without the adapters of encoder.layers.0.mlp.hidden, decoder',
    );
    expect(memory().numTensors).toBe(before);
    expect(optimizer.numSteps).toBe(0);
  });

  it('gives maps other ranks and alphas by names, and trains biases, too', async () => {
    using model = await loraCases.vit.open(fixtureFolder('vit/base'));
    const before = weightsOf(model as never);
    const options = { rankPattern: { q_proj: 3, 'attention.(q|k)_proj': 1 }, alphaPattern: { fc2: 1 } };
    using lora = new LoRA(model, { targets: ['query', 'fc2'], rank: 2, alpha: 4, ...options, bias: 'lora_only' });
    const shapes = [...lora.namedParameters()].map(([path, { shape }]) => [
      path.replace('encoder.layers.0.', ''),
      shape,
    ]);
    expect(Object.fromEntries(shapes)).toEqual({
      'attention.query.loraA': [3, 8],
      'attention.query.loraB': [8, 3],
      'mlp.output.loraA': [2, 12],
      'mlp.output.loraB': [8, 2],
      'attention.query.bias': [8],
      'mlp.output.bias': [8],
    });
    const [query, output] = linearMaps(model as never).filter(({ name }) => /q_proj|fc2/.test(name));
    expect([query, output].map((target) => (target as Target).linear.adapter)).toMatchObject([
      { scale: 4 / 3 },
      { scale: 1 / 2 },
    ]);
    const files = new Map<string, Uint8Array>();
    const ids = loraIds();
    using optimizer = new AdamW(lora, { learningRate: 0.05 });
    for (let step = 0; step < 3; step++) optimizer.minimize(() => loraCases.vit.loss(model, ids));
    ids.dispose();
    lora.detach();
    expect(weightsOf(model as never)).toEqual(before);
    await lora.savePretrained(files); // detached: what is trained, not what the model has
    const config = JSON.parse(new TextDecoder().decode(files.get('adapter_config.json'))) as object;
    expect(config).toMatchObject({
      bias: 'lora_only',
      rank_pattern: options.rankPattern,
      alpha_pattern: options.alphaPattern,
      target_modules: ['fc2', 'q_proj'],
    });
    const { tensors } = parseSafetensors(files.get('adapter_model.safetensors') as Uint8Array);
    const bias = tensors.get('base_model.model.vit.layers.0.attention.q_proj.base_layer.bias') as StoredTensor;
    const trained = [...toFloat32(bias)];
    expect(trained).not.toEqual([...(before.get('encoder.layers.0.attention.query.bias') as Float32Array)]);
    using again = await LoRA.fromPretrained(model, files);
    expect([...(weightsOf(again as never).get('encoder.layers.0.attention.query.bias') as Float32Array)]).toEqual(
      trained,
    );

    using older = new LoRA(model, { targets: ['query'], moduleNames: 'checkpoint' });
    await older.savePretrained(files);
    expect([...parseSafetensors(files.get('adapter_model.safetensors') as Uint8Array).tensors.keys()][0]).toBe(
      'base_model.model.vit.encoder.layer.0.attention.attention.query.lora_A.weight',
    );
    using reopened = await LoRA.fromPretrained(model, files);
    expect(reopened.config).toMatchObject({ moduleNames: 'checkpoint', targets: ['query'] });
  });

  it('refuses what it cannot do, in one line', async () => {
    using model = await openGPT();
    expect(() => new LoRA(model, { targets: ['q_proj'] })).toThrow(
      /no linear map of the model is called "q_proj"; there are decoder\.layers\.\{i\}/,
    );
    expect(() => new LoRA(model, { targets: ['c_proj'], rank: 0 })).toThrow(
      'LoRA: rank must be a whole number from 1, got 0',
    );
    expect(() => new LoRA(model, { targets: ['c_proj'], rankPattern: { c_proj: 0.5 } })).toThrow(
      'LoRA: rankPattern must have whole numbers from 1, got {"c_proj":0.5}',
    );
    expect(() => new LoRA(model, { targets: ['c_proj'], alphaPattern: { '(': 1 } })).toThrow(ConfigError);
    expect(() => new LoRA(model, { targets: ['c_proj'], modulesToSave: ['score'] })).toThrow(ConfigError);
    const files = (config: object): Map<string, Uint8Array> =>
      new Map([['adapter_config.json', new TextEncoder().encode(JSON.stringify(config))]]);
    await expect(LoRA.fromPretrained(model, files({ peft_type: 'LORA', use_dora: true }))).rejects.toThrow(
      'adapter_config.json: use_dora must be false, got true',
    );
    await expect(LoRA.fromPretrained(model, files({ peft_type: 'IA3' }))).rejects.toThrow('peft_type must be "LORA"');
    const error: unknown = await LoRA.fromPretrained(model, fixtureFolder('t5/adapter')).catch(
      (error: unknown) => error,
    );
    expect(CheckpointError.isInstance(error) && error.message).toContain('is unexpected');
  });
});
