import { readFile } from 'node:fs/promises';

import { gru, linear, lstm, rnn, valueAndGradients } from '@formers/backend';
import {
  add,
  concat,
  mean,
  pad,
  reshape,
  reverse,
  slice,
  square,
  stack,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
} from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, fixture, hasFixtures, readGoldens, useEngineForTests } from '../../testing/src/index.ts';
import { readValues } from '../../testing/src/close.ts';
import { webgpu } from '../src/index.ts';
import { dawn } from './dawn.ts';

const gpu = await dawn();
const LAYERS = 2;

interface Case {
  readonly kind: 'rnn' | 'gru' | 'lstm';
  readonly numDirections: number;
  /** By PyTorch's names, without `weight_` and `bias_` where these are the same. */
  readonly weights: ReadonlyMap<string, Tensor>;
  /** h0 and c0, [layers * directions, batch, hidden], if they are given. */
  readonly first: ReadonlyMap<string, Tensor>;
}

/** What rows of one length give: states [batch, seq, directions * hidden], and of each layer and direction the last state and cell [batch, hidden]. */
interface Result {
  readonly states: Tensor3D;
  readonly lastStates: Tensor[];
  readonly lastCells: Tensor[];
}

/** All layers in both directions, for some rows of x from `row` on. */
function run({ kind, numDirections, weights, first }: Case, x: Tensor3D, row: number): Result {
  const [batch, seq] = x.shape;
  const [lastStates, lastCells]: [Tensor[], Tensor[]] = [[], []];
  let states = x;
  for (let layer = 0; layer < LAYERS; layer++) {
    const directions = Array.from({ length: numDirections }, (_, direction) => {
      const of = <T extends Tensor>(name: string) =>
        weights.get(`${name}_l${layer}${direction ? '_reverse' : ''}`) as T;
      const number = layer * numDirections + direction;
      const firstOf = (name: string) => {
        const all = first.get(name);
        const hidden = all?.shape[2] ?? 0;
        return all && (reshape(slice(all, [number, row, 0], [1, batch, hidden]), [batch, hidden]) as Tensor2D);
      };
      const turned = direction ? (reverse(states, 1) as Tensor3D) : states;
      const inputs = linear(turned, of<Tensor2D>('weight_ih'), { bias: of<Tensor1D>('bias_ih') });
      const options = { weight: of<Tensor2D>('weight_hh'), bias: of<Tensor1D>('bias_hh'), initial: firstOf('h0') };
      let found: Tensor3D;
      if (kind === 'lstm') {
        const result = lstm(inputs, { ...options, initialCell: firstOf('c0') });
        found = result.states;
        lastCells.push(result.lastCell);
      } else found = kind === 'gru' ? gru(inputs, options) : rnn(inputs, options);
      lastStates.push(reshape(slice(found, [0, seq - 1, 0], [batch, 1, -1]), [batch, -1]));
      return direction ? (reverse(found, 1) as Tensor3D) : found;
    });
    states = concat(directions, 2) as Tensor3D;
  }
  return { states, lastStates, lastCells };
}

/** Rows as long as their lengths say, one by one, with zeros behind them: what PyTorch makes of a packed sequence. */
function runPacked(golden: Case, x: Tensor3D, lengths: readonly number[]): Result {
  const [, seq, dim] = x.shape;
  const rows = lengths.map((length, row) => run(golden, slice(x, [row, 0, 0], [1, length, dim]), row));
  const padded = rows.map(({ states }, row) => pad(states, [[0, 0], [0, seq - (lengths[row] ?? 0)], [0, 0]])); // prettier-ignore
  const all = (name: 'lastStates' | 'lastCells') =>
    (rows[0]?.[name] ?? []).map((_, i) =>
      concat(
        rows.map((row) => row[name][i] as Tensor),
        0,
      ),
    );
  return { states: concat(padded, 0) as Tensor3D, lastStates: all('lastStates'), lastCells: all('lastCells') };
}

describe.skipIf(!hasFixtures())(
  'torch.nn.RNN, GRU and LSTM of ../shared/fixtures (skipped where it is missing)',
  () => {
    useEngineForTests(webgpu({ gpu }));

    test.each(['rnn', 'gru', 'lstm'].flatMap((kind) => ['uni', 'bi'].map((ways) => `torch-${kind}-${ways}`)))(
      '%s: two layers over rows of unequal lengths, outputs and gradients of all weights',
      async (name) => {
        const goldens = async (file: string) => readGoldens(fixture('models', name, `${file}.safetensors`));
        const [weights, inputs, outputs, gradients] = await Promise.all(['model', 'inputs', 'outputs', 'grads'].map(goldens)); // prettier-ignore
        const { scalar } = JSON.parse(await readFile(fixture('models', name, 'case.json'), 'utf8')) as {
          scalar: { value: number };
        };
        const golden: Case = {
          kind: name.split('-')[1] as Case['kind'],
          numDirections: name.endsWith('-bi') ? 2 : 1,
          weights: weights!,
          first: inputs!,
        };
        const x = inputs!.get('x') as Tensor3D;
        const lengths = await readValues(inputs!.get('lengths') as Tensor);
        const expectGolden = async (found: Tensor, golden_: Tensor | undefined, rtol: number) => {
          expect(found.shape).toEqual(golden_?.shape);
          expectClose(await readValues(found), await readValues(golden_ as Tensor), { rtol, atol: 1e-5 });
        };

        const packed = runPacked(golden, x, lengths);
        await expectGolden(packed.states, outputs!.get('output'), 1e-4);
        await expectGolden(stack(packed.lastStates), outputs!.get('h_n'), 1e-4);
        if (golden.kind === 'lstm') await expectGolden(stack(packed.lastCells), outputs!.get('c_n'), 1e-4);
        await expectGolden(run(golden, x, 0).states, outputs!.get('output_without_lengths'), 1e-4);

        const { value, gradients: found } = valueAndGradients(() => {
          const { states, lastStates, lastCells } = runPacked(golden, x, lengths);
          return [states, stack(lastStates), ...(lastCells.length > 0 ? [stack(lastCells)] : [])]
            .map((part) => mean(square(part)))
            .reduce((left, right) => add(left, right));
        }, [...golden.weights.values()]);
        expectClose(await readValues(value), [scalar.value], { rtol: 1e-4 });
        expect(gradients!.size).toBe(golden.weights.size);
        let i = 0;
        for (const weight of golden.weights.keys())
          await expectGolden(found[i++] as Tensor, gradients!.get(weight), 1e-3);
      },
    );
  },
);
