import type { FusedActivation } from '@formers/backend';
import type { TensorInfo } from '@tensorflow/tfjs-core';

import { activationCode } from './activation.ts';
import { runElementwise } from './elementwise.ts';
import { input, type KernelCall, type KernelTable, sizeOf, zeros } from './kernel.ts';
import { addColumnSums } from './product/column-sums.ts';
import { multiply } from './product/product.ts';

interface LinearAttributes {
  readonly activation?: FusedActivation | undefined;
  readonly inner?: boolean | undefined;
}

function linear({ backend, inputs, attributes: { activation, inner } }: KernelCall<LinearAttributes>): TensorInfo {
  const x = input({ inputs }, 'x');
  const weight = input({ inputs }, 'weight');
  const { bias, residual } = inputs;
  const [outDim = 0, inDim = 0] = weight.shape;
  const shape = [...x.shape.slice(0, -1), outDim];
  const isInner = (activation !== undefined || inner === true) && !residual; // else it may be logits, or a sum over layers
  const y = isInner ? backend.layerOutput(shape) : backend.output(shape);
  const pre = activation ? backend.layerOutput(shape) : undefined;
  if (pre) backend.attach(y, { pre });
  if (sizeOf(y) === 0) return y;
  backend.halveFrozen(weight);
  const [a, b] = inDim > 0 ? [x, weight] : [zeros(backend, [4]), zeros(backend, [4])];
  multiply(backend, {
    ...{ rows: sizeOf(y) / outDim, columns: outDim, depth: inDim },
    ...{ a: { tensor: a }, b: { tensor: b, transposed: true }, c: { tensor: y } },
    ...{ bias, activation, pre, residual },
  });
  if (inDim === 0) for (const { dataId } of [a, b]) backend.disposeData(dataId);
  return y;
}

function linearGradient({
  backend,
  inputs,
  attributes: { activation, wanted },
}: KernelCall<LinearAttributes & { wanted: readonly string[] }>): TensorInfo[] {
  const dy = input({ inputs }, 'dy');
  const x = input({ inputs }, 'x');
  const weight = input({ inputs }, 'weight');
  const [outDim = 0, inDim = 0] = weight.shape;
  const rows = outDim === 0 ? 0 : sizeOf(dy) / outDim;
  const isEmpty = rows === 0 || inDim === 0 || outDim === 0;
  const gradients: Record<string, TensorInfo> = {};
  if (wanted.includes('residual')) gradients['residual'] = backend.alias(dy);
  const shapes: Readonly<Record<string, readonly number[]>> = { x: x.shape, weight: weight.shape, bias: [outDim] };
  for (const name of wanted) {
    const shape = shapes[name];
    if (shape)
      gradients[name] = isEmpty && (rows === 0 || name !== 'bias') ? zeros(backend, shape) : backend.output(shape);
  }
  const { x: dx, weight: dWeight, bias: dBias } = gradients;
  if ((dx || dWeight || dBias) && !(isEmpty && (rows === 0 || !dBias))) {
    // The gradient of what the activation sees.
    const dPre = activation
      ? slope(backend, { activation, dy, pre: backend.side(input({ inputs }, 'y'))['pre'] as TensorInfo })
      : dy;
    const a = { tensor: dPre };
    if (dWeight && !isEmpty) {
      multiply(backend, {
        ...{ rows: outDim, columns: inDim, depth: rows, a: { ...a, transposed: true } },
        ...{ b: { tensor: x }, c: { tensor: dWeight }, sums: dBias },
      });
    } else if (dBias) addColumnSums(backend, dBias, { tensor: dPre, rows });
    if (dx && !isEmpty)
      multiply(backend, { rows, columns: inDim, depth: outDim, a, b: { tensor: weight }, c: { tensor: dx } });
    if (dPre !== dy) backend.disposeData(dPre.dataId);
  }
  return wanted.map((name) => gradients[name] as TensorInfo);
}

function slope(
  backend: KernelCall['backend'],
  { activation, dy, pre }: { activation: FusedActivation; dy: TensorInfo; pre: TensorInfo },
): TensorInfo {
  const dPre = backend.output(dy.shape);
  runElementwise(backend, {
    key: `${activation} gradient`,
    helpers: (element) => activationCode(activation, element),
    body: 'dx[i] = dy[i] * activationSlope(x[i]);',
    ...{ reads: { x: pre, dy }, writes: { dx: dPre } },
  });
  return dPre;
}

/** Kernels of `linear` in @formers/backend. */
export const linearKernels: KernelTable = { FormersLinear: linear, FormersLinearGradient: linearGradient };
