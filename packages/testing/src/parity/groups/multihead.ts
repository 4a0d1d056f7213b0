import { ExtraKeysAttention } from '@formers/attention';
import { capture, valueAndGradients } from '@formers/backend';
import { type SafetensorsFile, toFloat32 } from '@formers/checkpoints';
import {
  add,
  concat,
  dispose,
  logicalAnd,
  logicalNot,
  mean,
  mul,
  reshape,
  type Scalar,
  slice,
  sum,
  type Tensor,
  type Tensor3D,
  type Variable,
} from '@tensorflow/tfjs-core';

import { type Case, readCaseJson, readCaseTensors, toleranceOf } from '../case.ts';
import type { Comparison } from '../comparison.ts';
import { toTensor } from '../tensors.ts';
import { splitAdditive } from './additive-mask.ts';

/** One line of multihead.json: the arguments of torch.nn.MultiheadAttention. */
interface MultiheadCase {
  readonly name: string;
  readonly embed_dim: number;
  readonly num_heads: number;
  readonly bias?: boolean;
  readonly kdim?: number;
  readonly vdim?: number;
  readonly add_bias_kv?: boolean;
  readonly add_zero_attn?: boolean;
  readonly self_attention: boolean;
}

/** The cases of multihead.json by name. */
export async function multiheadCases(testCase: Case): Promise<[string, (comparison: Comparison) => Promise<void>][]> {
  const cases = await readCaseJson<MultiheadCase[]>(testCase.folder, 'multihead.json');
  const { tensors } = await readCaseTensors(testCase.folder, 'multihead.safetensors');
  return cases.map((one) => [
    `multihead/${one.name}`,
    (comparison) => runMultihead(testCase, { one, tensors }, comparison),
  ]);
}

async function runMultihead(
  testCase: Case,
  { one, tensors }: { one: MultiheadCase; tensors: SafetensorsFile['tensors'] },
  comparison: Comparison,
): Promise<void> {
  const find = (key: string): Tensor | undefined => {
    const stored = tensors.get(`${one.name}.${key}`);
    return stored && toTensor(stored);
  };
  const read = (key: string): Tensor3D => find(key) as Tensor3D;
  const { embed_dim: dim, num_heads: numHeads, bias = true, kdim: contextDim = dim, vdim: valueDim = dim } = one;
  using attention = new ExtraKeysAttention({
    dim,
    numHeads,
    contextDim,
    valueDim,
    bias,
    learnedKey: one.add_bias_kv ?? false,
    zeroKey: one.add_zero_attn ?? false,
    random: null,
  });
  const places = torchPlaces(attention, dim);
  for (const { torchName, variable, from } of places) {
    const stored = find(`state.${torchName}`);
    if (stored) variable.assign(from === undefined ? stored : slice(stored, from, dim));
  }

  const q = read('q');
  const [k, v] = one.self_attention ? [q, q] : [read('k'), read('v')];
  const masks = attentionMasks({ attention: find('attn_mask'), padding: find('key_padding_mask'), numHeads });
  const run = (): Tensor3D => attention.call(q, one.self_attention ? masks : { context: k, valueContext: v, ...masks });
  const { value: out, attentions, crossAttentions } = capture(run);
  const map = [...attentions, ...crossAttentions][0] as Tensor;
  const inputs = one.self_attention ? [q] : [q, k, v];
  const parameters = places.map(({ variable }) => variable);
  const { gradients } = valueAndGradients(
    () => sum(mul(run(), read('out_weight'))) as Scalar,
    [...inputs, ...parameters],
  );

  const found = new Map<string, Tensor>([
    ['out', out],
    ['weights', map],
    ['weights_average', mean(map, 1)],
  ]);
  ['grad_q', 'grad_k', 'grad_v'].slice(0, inputs.length).forEach((name, i) => found.set(name, gradients[i] as Tensor));
  for (const name of new Set(places.map((place) => place.torchName))) {
    const parts = places.flatMap((place, i) =>
      place.torchName === name ? [gradients[inputs.length + i] as Tensor] : [],
    );
    found.set(`grad.${name}`, concat(parts, 0));
  }
  for (const [name, tensor] of found) {
    const expected = tensors.get(`${one.name}.${name}`);
    if (!expected) continue;
    comparison.numbers(name, await tensor.data(), {
      expected: toFloat32(expected),
      tolerance: toleranceOf(testCase, name.startsWith('grad') ? 'grads' : 'forward'),
      through: name.startsWith('grad') ? 'gradients' : 'forward',
    });
  }
  for (const name of tensors.keys()) {
    const [prefix, key] = [name.slice(0, one.name.length + 1), name.slice(one.name.length + 1)];
    if (prefix === `${one.name}.` && key.startsWith('grad') && !found.has(key))
      comparison.wrong(`${key}: not computed`);
  }
  dispose([...found.values(), ...gradients]);
}

interface Place {
  readonly torchName: string;
  readonly variable: Variable;
  /** First row within torch's fused tensor. */
  readonly from: number | undefined;
}

/** Where torch keeps our parameters: query, key and value are fused unless their widths differ. */
function torchPlaces(attention: ExtraKeysAttention, dim: number): Place[] {
  const { query, key, value, output, learnedKey, learnedValue } = attention;
  const projections = [query, key, value];
  const fused = key.weight.shape[1] === dim && value.weight.shape[1] === dim;
  const places: Place[] = [];
  projections.forEach((projection, i) => {
    places.push(
      fused
        ? { torchName: 'in_proj_weight', variable: projection.weight, from: i * dim }
        : { torchName: `${'qkv'[i]}_proj_weight`, variable: projection.weight, from: undefined },
    );
  });
  projections.forEach((projection, i) => {
    if (projection.bias) places.push({ torchName: 'in_proj_bias', variable: projection.bias, from: i * dim });
  });
  places.push({ torchName: 'out_proj.weight', variable: output.weight, from: undefined });
  if (output.bias) places.push({ torchName: 'out_proj.bias', variable: output.bias, from: undefined });
  if (learnedKey) places.push({ torchName: 'bias_k', variable: learnedKey, from: undefined });
  if (learnedValue) places.push({ torchName: 'bias_v', variable: learnedValue, from: undefined });
  return places;
}

/** Both masks of torch as ours: boolean ones hide there and show here, additive ones hide by -Infinity. A mask of three dimensions is [batch · heads, queries, keys]. */
function attentionMasks({ attention, padding, numHeads }: TorchMasks): { mask?: Tensor; bias?: Tensor } {
  const parts: { mask: Tensor; bias?: Tensor }[] = [];
  for (const [stored, isPadding] of [
    [attention, false],
    [padding, true],
  ] as const) {
    if (!stored) continue;
    const [first = 1, ...others] = stored.shape;
    const ranked =
      isPadding || stored.rank === 3
        ? reshape(stored, isPadding ? [first, 1, 1, ...others] : [first / numHeads, numHeads, ...others])
        : stored;
    parts.push(ranked.dtype === 'bool' ? { mask: logicalNot(ranked) } : splitAdditive(ranked));
  }
  const bias = parts.flatMap((part) => part.bias ?? []);
  return {
    ...(parts.length > 0 && { mask: parts.map((part) => part.mask).reduce((a, b) => logicalAnd(a, b)) }),
    ...(bias.length > 0 && { bias: bias.reduce((a, b) => add(a, b)) }),
  };
}

/** The masks of a case, where it has them. */
interface TorchMasks {
  readonly attention: Tensor | undefined;
  readonly padding: Tensor | undefined;
  readonly numHeads: number;
}
