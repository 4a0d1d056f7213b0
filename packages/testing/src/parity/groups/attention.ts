import { attend, valueAndGradients } from '@formers/backend';
import { type SafetensorsFile, toFloat32 } from '@formers/checkpoints';
import { mul, type Scalar, sum, type Tensor, type Tensor4D } from '@tensorflow/tfjs-core';

import { type Case, readCaseJson, readCaseTensors, toleranceOf } from '../case.ts';
import type { Comparison } from '../comparison.ts';
import { toTensor } from '../tensors.ts';
import { splitAdditive } from './additive-mask.ts';
import { multiheadCases } from './multihead.ts';

/** One line of sdpa.json. */
interface SdpaCase {
  readonly name: string;
  readonly mask: 'boolean' | 'additive' | null;
  readonly is_causal?: boolean;
  readonly scale?: number;
}

/** The single cases of an attention folder, by name. */
export async function attentionCases(testCase: Case): Promise<[string, (comparison: Comparison) => Promise<void>][]> {
  const cases = await readCaseJson<SdpaCase[]>(testCase.folder, 'sdpa.json');
  const tensors = await readCaseTensors(testCase.folder, 'sdpa.safetensors');
  const sdpa = cases.map((one): [string, (comparison: Comparison) => Promise<void>] => [
    `sdpa/${one.name}`,
    (comparison) => runSdpa(testCase, { one, tensors }, comparison),
  ]);
  return [...sdpa, ...(await multiheadCases(testCase))];
}

/** torch.nn.functional.scaled_dot_product_attention and its gradients. */
async function runSdpa(
  testCase: Case,
  { one, tensors }: { one: SdpaCase; tensors: SafetensorsFile },
  comparison: Comparison,
): Promise<void> {
  const read = (key: string): Tensor => {
    const stored = tensors.tensors.get(`${one.name}.${key}`);
    if (!stored) throw new Error(`sdpa.safetensors has no ${one.name}.${key}`);
    return toTensor(stored);
  };
  const [q, k, v] = [read('q'), read('k'), read('v')] as [Tensor4D, Tensor4D, Tensor4D];
  const outWeight = read('out_weight');
  const masks = one.mask === null ? {} : one.mask === 'boolean' ? { mask: read('mask') } : splitAdditive(read('mask'));
  // torch aligns the causal triangle to the top left
  const options = {
    ...masks,
    ...(one.is_causal && { causal: true, queryOffset: 0 }),
    ...(one.scale !== undefined && { scale: one.scale }),
  };
  const out = attend(q, k, v, options);
  const { gradients } = valueAndGradients(() => sum(mul(attend(q, k, v, options), outWeight)) as Scalar, [q, k, v]);

  for (const [key, tensor, kind] of [
    ['out', out, 'forward'],
    ['grad_q', gradients[0], 'grads'],
    ['grad_k', gradients[1], 'grads'],
    ['grad_v', gradients[2], 'grads'],
  ] as const) {
    const expected = tensors.tensors.get(`${one.name}.${key}`);
    if (expected && tensor)
      comparison.numbers(key, await tensor.data(), {
        expected: toFloat32(expected),
        tolerance: toleranceOf(testCase, kind),
        through: kind === 'grads' ? 'gradients' : 'forward',
      });
    else comparison.wrong(`${key} is missing`);
  }
}
