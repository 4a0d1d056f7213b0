import { normalValues, randomKey } from '@formers/backend';
import type { Tensor } from '@tensorflow/tfjs-core';

import { addNormCases } from './add-norm-cases.ts';
import { attentionCases } from './attention-cases.ts';
import { gatedCase, linearCase, linearCases, matMulCase } from './linear-cases.ts';
import { embeddingCase, linearCrossEntropyCase, lossCases } from './loss-cases.ts';
import type { CaseInput, OpCase } from './op-case.ts';
import { rotaryCases } from './rotary-cases.ts';

/** Half of the distance between neighbouring halves, as a share of them. */
const ROUNDING = 2 ** -11;

const CHOSEN = [
  'linear: [6, 5] to 8',
  'linear: [5, 800] to 18, bias, residual',
  'linear: [9, 21] to 35, bias, silu',
  'linear: [5, 4] to 8, gelu, residual',
  'gelu',
  'layerNorm: [5, 8]',
  'layerNorm: [5, 9]',
  'rmsNorm: [70, 64]',
  'addLayerNorm: [5, 8], both',
  'addRMSNorm: [70, 9], both',
  'attend: causal, one query of a cache',
  'attend: odd sizes',
  'attend: dropout, causal, grouped, odd rows',
  'attend: soft cap and bias',
  'selfAttend: causal with dropout',
  'attendMerged: cross, mask of keys',
  'rotary: [2,1,9,16], 16 of a head',
  'rotary: [2,1,9,16], 16 of a head, neighbours',
  'rotary: [3,2,4,18], 10 of a head, own positions',
  'dropout: [3,7], rate 0.1',
];

const chosen = [...linearCases, ...addNormCases, ...attentionCases, ...rotaryCases, ...lossCases].filter(({ name }) =>
  CHOSEN.includes(name),
);

/** Cases of what is stored in halves, or read from there: rows of four numbers, and others. */
const storedCases: readonly OpCase[] = [
  ...chosen,
  linearCase({ rows: 12, inDim: 20, outDim: 36, bias: true, activation: 'gelu' }),
  linearCase({ rows: 3, inDim: 20, outDim: 36, bias: true, activation: 'silu' }),
  gatedCase('silu', [6, 20]),
  matMulCase({ batchA: [2], rows: 6, columns: 10, depth: 8, transposeB: true }),
  embeddingCase({ count: 50, vocab: 14, dim: 66 }),
  linearCrossEntropyCase({ rows: 20, dim: 12, classes: 33, ignored: 3 }),
];

/**
 * The cases with inputs that lie in halves, where `store` can bring them there, and are such numbers already; so all that differs is what the op itself stores.
 *
 * @param store Stores a tensor in halves, on the engine under test.
 */
export function halfCases(store: (tensor: Tensor) => void): readonly OpCase[] {
  if (chosen.length !== CHOSEN.length) throw new Error('halfCases: a case of that name is missing');
  return storedCases.map((opCase) => inHalves(opCase, store));
}

/** One case in that way. */
export function inHalves(opCase: OpCase, store: (tensor: Tensor) => void): OpCase {
  return {
    ...opCase,
    inputs: opCase.inputs.map(rounded),
    op: (tensors) => {
      for (const tensor of tensors) if (tensor.dtype === 'float32') store(tensor);
      return opCase.op(tensors);
    },
    storageError: ROUNDING,
  };
}

function rounded(input: CaseInput, i: number): CaseInput {
  const { shape, dtype = 'float32', values } = input;
  if (dtype !== 'float32') return input;
  const size = shape.reduce((product, axis) => product * axis, 1);
  return {
    ...input,
    values: Float32Array.from(values ?? normalValues(randomKey(i, shape.join()), size), Math.f16round),
  };
}
