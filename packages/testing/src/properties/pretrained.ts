import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import {
  CheckpointError,
  fromFloat32,
  parseSafetensors,
  serializeSafetensors,
  type StoredTensor,
  toFloat32,
} from '@formers/checkpoints';
import type { PretrainedModel, PretrainedOptions, SaveOptions } from '@formers/nn';
import { add, type Tensor, tidy } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';

import { expectClose, expectSameBits, valuesOf } from '../close.ts';
import { expectError, expectNoLeak } from '../leaks.ts';

type Files = Map<string, Uint8Array>;
type Stored = Map<string, StoredTensor>;
type Json = Record<string, unknown>;
type AnyPretrained = PretrainedModel<never, unknown, object>;

/** A model with a head that the checkpoint doesn't have. */
export interface NewHeadSubject {
  readonly name: string;
  readonly load: (files: Files, options?: PretrainedOptions) => Promise<AnyPretrained>;
  /** Names of the tensors that the checkpoint lacks. */
  readonly missing: readonly string[];
  /** How many classes it has by the names of its labels; none where their number is fixed. */
  readonly hasLabels: boolean;
}

/** What {@link pretrainedProperties} has to know. */
export interface PretrainedSubject<Model extends AnyPretrained = AnyPretrained> {
  readonly name: string;
  /** What Transformers' `save_pretrained` wrote of a model with a head: config.json, model.safetensors and maybe generation_config.json. */
  readonly folder: URL;
  readonly load: (location: Files | string, options?: PretrainedOptions) => Promise<Model>;
  /** What a model computes of fixed inputs. */
  readonly run: (model: Model) => Tensor;
  /** What the names of the base model begin with. */
  readonly basePrefix: string;
  /** A change of the config, in our words and in Hugging Face's. */
  readonly change: { readonly ours: object; readonly theirs: Json };
  /** Names that old files have besides, with their shapes. */
  readonly ignored?: Readonly<Record<string, readonly number[]>>;
  /** Old names of tensors by today's. */
  readonly oldName?: (name: string) => string;
  /** Changes of config.json that no model can be built from, and what the error says. */
  readonly refused: readonly (readonly [change: Json, message: string])[];
  readonly newHeads: readonly NewHeadSubject[];
}

/** Registers what every model that lives in Hugging Face folders does, as tests of the calling file: bytes, half precision, shards, mismatches, configs, new heads. */
export function pretrainedProperties<Model extends AnyPretrained>(subject: PretrainedSubject<Model>): void {
  const { name, folder, load, run, basePrefix, change, ignored = {}, oldName, refused, newHeads } = subject;
  let original: Files;
  beforeAll(async () => {
    original = await readFolder(folder);
  });
  const storedIn = (files: Files): Stored => new Map(parseSafetensors(files.get('model.safetensors')!).tensors);
  const configIn = (files: Files): Json => JSON.parse(new TextDecoder().decode(files.get('config.json'))) as Json;
  /** The folder with other tensors or another config. */
  const variant = (
    tensors: (stored: Stored) => Stored = (stored) => stored,
    config: (json: Json) => object = (json) => json,
  ): Files =>
    new Map([
      ...original,
      ['model.safetensors', serializeSafetensors(tensors(storedIn(original)), { metadata: { format: 'pt' } })],
      ['config.json', new TextEncoder().encode(JSON.stringify(config(configIn(original))))],
    ]);
  const renamed = (stored: Stored, rename: (name: string) => string): Stored =>
    new Map([...stored].map(([key, tensor]) => [rename(key), tensor]));
  const saved = async (model: AnyPretrained, options?: SaveOptions): Promise<Files> => {
    const files: Files = new Map();
    await model.savePretrained(files, options);
    return files;
  };
  /** Name of a tensor of the base model with so many axes. */
  const nameOf = (rank: number): string =>
    [...storedIn(original)].find(([key, { shape }]) => key.startsWith(basePrefix) && shape.length === rank)![0];
  const parameterOf = (model: AnyPretrained, stored: string): ReturnType<AnyPretrained['parameters']>[number] => {
    const [ours] = [...model.fileNames()].find(([, file]) => file.name === stored)!;
    return model.namedParameters().get(ours)!;
  };

  describe(`${name}: the folder of Transformers`, () => {
    test('comes out as the same bytes, every file', async () => {
      using model = await load(original);
      expect(await saved(model)).toEqual(original);
    });

    test('opens from disk, too', async () => {
      using fromDisk = await load(fileURLToPath(folder));
      using fromMemory = await load(original);
      expectSameBits(run(fromDisk), run(fromMemory));
    });

    test('opened, saved or refused, leaks nothing', async () => {
      await expectNoLeak(async () => {
        using model = await load(original);
        await saved(model);
      });
      await expectNoLeak(() => expect(load(variant(() => new Map()))).rejects.toThrow('missing'));
    });

    test('without the base prefix: opened, and saved without it', async () => {
      const bare = variant((stored) =>
        renamed(stored, (key) => (key.startsWith(basePrefix) ? key.slice(basePrefix.length) : key)),
      );
      using model = await load(bare);
      using plain = await load(original);
      expectSameBits(run(model), run(plain));
      expect((await saved(model)).get('model.safetensors')).toEqual(bare.get('model.safetensors'));
    });

    test('with what old releases wrote besides: passed over, and not written', async () => {
      const extra = Object.entries(ignored).map(([key, shape]): [string, StoredTensor] => [key, zerosOf(shape)]);
      using model = await load(variant((stored) => new Map([...stored, ...extra])));
      using plain = await load(original);
      expectSameBits(run(model), run(plain));
      expect(storedIn(await saved(model))).toEqual(storedIn(original));
    });

    test.runIf(oldName)('with old names: opened, and saved with them', async () => {
      const old = variant((stored) => renamed(stored, oldName!));
      expect([...storedIn(old).keys()]).not.toEqual([...storedIn(original).keys()]);
      using model = await load(old);
      using plain = await load(original);
      expectSameBits(run(model), run(plain));
      expect((await saved(model)).get('model.safetensors')).toEqual(old.get('model.safetensors'));
    });
  });

  describe(`${name}: how weights are stored`, () => {
    test.each(['F16', 'BF16', 'F64'] as const)('%s widens to float32, and is written back as it was', async (dtype) => {
      const narrow = variant(
        (stored) =>
          new Map([...stored].map(([key, tensor]) => [key, fromFloat32(toFloat32(tensor), tensor.shape, dtype)])),
      );
      using model = await load(narrow);
      expectSameBits(parameterOf(model, nameOf(1)), toFloat32(storedIn(narrow).get(nameOf(1))!));
      expect((await saved(model)).get('model.safetensors')).toEqual(narrow.get('model.safetensors'));
      using plain = await load(original);
      expectClose(run(model), run(plain), { rtol: 0.05, atol: 0.05 });
    });

    test.each(['F16', 'BF16'] as const)('of %s, those that were trained are written as float32', async (dtype) => {
      using source = await load(original);
      const narrow = await saved(source, { dtype });
      using model = await load(narrow);
      const parameter = parameterOf(model, nameOf(1));
      tidy(() => parameter.assign(add(parameter, 1e-4)));
      const written = await saved(model);
      const dtypes = new Map([...storedIn(written)].map(([key, tensor]) => [key, tensor.dtype]));
      expect(dtypes.get(nameOf(1))).toBe('F32');
      expect([...dtypes.values()].filter((one) => one === dtype)).toHaveLength(dtypes.size - 1);
      expect(configIn(written)['dtype']).toBe('float32');
      using again = await load(written);
      expectSameBits(parameterOf(again, nameOf(1)), parameter);
    });

    test.each(['F16', 'BF16', 'F32'] as const)('saved as %s when told, and the config says so', async (dtype) => {
      using model = await load(original);
      const files = await saved(model, { dtype });
      expect(new Set([...storedIn(files).values()].map((tensor) => tensor.dtype))).toEqual(new Set([dtype]));
      expect(configIn(files)['dtype']).toBe({ F16: 'float16', BF16: 'bfloat16', F32: 'float32' }[dtype]);
    });

    test('in shards, and one file again', async () => {
      using model = await load(original);
      const shards = await saved(model, { maxShardBytes: 4000 });
      expect([...shards.keys()].filter((file) => file.endsWith('.safetensors')).length).toBeGreaterThan(3);
      expect(shards.has('model.safetensors.index.json')).toBe(true);
      using loaded = await load(shards);
      expect((await saved(loaded)).get('model.safetensors')).toEqual(original.get('model.safetensors'));
    });

    test('a changed weight is written, the others as they were', async () => {
      using model = await load(original);
      const parameter = parameterOf(model, nameOf(1));
      tidy(() => parameter.assign(add(parameter, 1)));
      const after = storedIn(await saved(model));
      for (const [key, { bytes }] of storedIn(original))
        expect(Buffer.from(after.get(key)!.bytes).equals(bytes), key).toBe(key !== nameOf(1));
    });
  });

  describe(`${name}: what does not fit`, () => {
    test('is listed at once: missing, unexpected and mis-shaped tensors', async () => {
      const [vector, matrix] = [nameOf(1), nameOf(2)];
      const found = [...storedIn(original).get(matrix)!.shape];
      const wrong = found.with(0, found[0]! + 1);
      const files = variant((stored) => {
        stored.delete(vector);
        return new Map([...stored, [matrix, zerosOf(wrong)], [`${basePrefix}other.weight`, zerosOf([3])]]);
      });
      const error = await expectError(() => load(files), {
        code: 'mismatch',
        message: `wanted [${found.join(', ')}], got [${wrong.join(', ')}]`,
      });
      expect(CheckpointError.isInstance(error) && error.mismatch).toEqual({
        missing: [vector],
        unexpected: [`${basePrefix}other.weight`],
        misshaped: [{ name: matrix, expected: found, found: wrong }],
      });
    });

    test.each([NaN, Infinity, -Infinity])('%d among the weights is refused, or accepted when told', async (bad) => {
      const files = variant((stored) => {
        const { shape, ...tensor } = stored.get(nameOf(2))!;
        const values = toFloat32({ shape, ...tensor }).slice();
        values[7] = bad;
        return stored.set(nameOf(2), fromFloat32(values, shape, 'F32'));
      });
      await expectError(() => load(files), { code: 'value', message: `${nameOf(2)}: weights must be finite` });
      using model = await load(files, { nonFinite: 'accept' });
      expect(valuesOf(parameterOf(model, nameOf(2))).filter((value) => Object.is(value, bad))).toHaveLength(1);
    });

    test.each(['config.json', 'model.safetensors'])('without %s', async (file) => {
      const files = new Map(original);
      files.delete(file);
      await expectError(() => load(files), { code: 'missing-file', message: file });
    });

    test.each([[{ model_type: 'other' }, 'got "other"'] as const, ...refused])(
      'config.json with %o',
      async (keys, message) => {
        await expectError(() => load(variant(undefined, (json) => ({ ...json, ...keys }))), {
          code: 'config',
          message,
        });
      },
    );
  });

  describe(`${name}: the config`, () => {
    test('keys that we do not know survive, with their spelling', async () => {
      const text = new TextDecoder()
        .decode(original.get('config.json'))
        .replace('{\n', '{\n  "a_future": {\n    "deep": [\n      1.0\n    ]\n  },\n')
        .replace('0.02', '2e-2');
      expect(text).toContain('2e-2');
      using model = await load(new Map([...original, ['config.json', new TextEncoder().encode(text)]]));
      expect(new TextDecoder().decode((await saved(model)).get('config.json'))).toBe(text);
    });

    test('what the user changed is written, and nothing else', async () => {
      using model = await load(original);
      Object.assign(model.config, change.ours);
      const files = await saved(model);
      expect(configIn(files)).toEqual({ ...configIn(original), ...change.theirs });
      using loaded = await load(files);
      expect(loaded.config).toEqual(model.config);
    });
  });

  describe.each(newHeads)(`${name}: a new head, $name`, ({ load: loadOther, missing, hasLabels }) => {
    const labels = ['one', 'two', 'three'];
    const named = hasLabels ? { labels } : {};

    test('is asked for: else the tensors that are missing are listed', async () => {
      const error = await expectError(() => loadOther(original), { code: 'mismatch', message: 'newHead: true' });
      const { mismatch } = error as CheckpointError;
      expect(mismatch?.missing.toSorted()).toEqual([...missing].toSorted());
      using opened = await loadOther(original, { newHead: true });
      expect([mismatch?.unexpected, mismatch?.misshaped]).toEqual([opened.origin?.unused, []]); // the other head
    });

    test('starts from its seed; all else is as in the checkpoint (bits)', async () => {
      using model = await loadOther(original, { newHead: true, seed: 5, ...named });
      using again = await loadOther(original, { newHead: true, seed: 5, ...named });
      using other = await loadOther(original, { newHead: true, seed: 6, ...named });
      expect(model.origin?.fresh.toSorted()).toEqual([...missing].toSorted());
      const matrix = missing.find((key) => parameterOf(model, key).rank === 2)!;
      expectSameBits(parameterOf(model, matrix), parameterOf(again, matrix));
      expect(valuesOf(parameterOf(model, matrix))).not.toEqual(valuesOf(parameterOf(other, matrix)));
      const before = storedIn(original);
      for (const [path, { name: key, transpose }] of model.fileNames())
        if (!missing.includes(key) && !transpose)
          expectSameBits(model.namedParameters().get(path)!, toFloat32(before.get(key)!));
    });

    test('is saved with its class, and opens without being asked for; it is kept then', async () => {
      using model = await loadOther(original, { newHead: true, seed: 5, ...named });
      const files = await saved(model);
      expect(configIn(files)['architectures']).toEqual([model.format.architecture]);
      using back = await loadOther(files);
      expect(back.config).toEqual(model.config);
      using kept = await loadOther(files, { newHead: true, seed: 6 });
      for (const [path, parameter] of model.namedParameters()) {
        expectSameBits(back.namedParameters().get(path)!, parameter);
        expectSameBits(kept.namedParameters().get(path)!, parameter);
      }
      using first = await load(original);
      using without = await load(files, { newHead: true });
      expect(without.origin?.fresh.length).toBeGreaterThan(0); // this one's own head is gone
      expectSameBits(parameterOf(without, nameOf(2)), parameterOf(first, nameOf(2)));
    });

    test.runIf(hasLabels)('has other classes than the checkpoint when told, by name', async () => {
      using model = await loadOther(original, { newHead: true, ...named });
      const files = await saved(model);
      expect(configIn(files)).toMatchObject({
        id2label: { 0: 'one', 1: 'two', 2: 'three' },
        label2id: { one: 0, two: 1, three: 2 },
      });
      await expectError(() => loadOther(files, { labels: ['a', 'b'] }), { code: 'config', message: 'newHead' });
      using two = await loadOther(files, { newHead: true, labels: ['LABEL_0', 'LABEL_1'] });
      expect(two.origin?.fresh.length).toBeGreaterThan(0);
      const again = await saved(two);
      expect(configIn(again)['id2label']).toBeUndefined(); // the two that every config has
      using back = await loadOther(again);
      expect(back.config).toEqual(two.config);
    });
  });
}

async function readFolder(folder: URL): Promise<Files> {
  const files: Files = new Map();
  for (const name of ['config.json', 'generation_config.json', 'model.safetensors']) {
    const bytes = await readFile(path.join(fileURLToPath(folder), name)).catch(() => undefined);
    if (bytes) files.set(name, new Uint8Array(bytes));
  }
  return files;
}

function zerosOf(shape: readonly number[]): StoredTensor {
  return fromFloat32(new Float32Array(shape.reduce((size, axis) => size * axis, 1)), [...shape], 'F32');
}
