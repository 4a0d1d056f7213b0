import type { FusedActivation } from '@formers/backend';
import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';
import { multiply } from '../engine/matrix-product.ts';
import { activationCode } from './activation.ts';
import { fillZeros, input, type KernelCall, type KernelTable, sizeOf } from './kernel.ts';

/** Up to this many rows, weights that are used again are kept packed. */
const PACKING_ROWS = 48;

interface LinearAttributes {
  readonly activation?: FusedActivation | undefined;
}

function linear({ backend, inputs, attributes: { activation } }: KernelCall<LinearAttributes>): TensorInfo {
  const { engine } = backend;
  const x = input({ inputs }, 'x');
  const weight = input({ inputs }, 'weight');
  const { bias, residual } = inputs;
  const [outDim = 0, inDim = 0] = weight.shape;
  const rows = sizeOf(x) / inDim;
  const y = backend.output([...x.shape.slice(0, -1), outDim]);
  const code = activationCode(activation);
  const preActivation = code ? engine.allocate(rows * outDim * 4) : 0;
  if (code) backend.attach(y, { preActivation });
  if (rows === 0) return y;
  multiply(engine, {
    rows,
    columns: outDim,
    depth: inDim,
    a: { address: backend.address(x), stride: inDim },
    b: { address: backend.address(weight), stride: inDim, transposed: true },
    c: { address: backend.address(y), stride: outDim },
    bias: bias ? backend.address(bias) : 0,
    residual: residual ? backend.address(residual) : 0,
    activation: code,
    preActivation,
    // With this few rows, as in decoding, packing costs more than the product.
    ...(rows <= PACKING_ROWS && { keepB: (bytes) => backend.keepPacked(weight, bytes) }),
  });
  return y;
}

function linearGradient({
  backend,
  inputs,
  attributes,
}: KernelCall<LinearAttributes & { wanted: readonly string[] }>): TensorInfo[] {
  const { engine } = backend;
  const dy = input({ inputs }, 'dy');
  const x = input({ inputs }, 'x');
  const weight = input({ inputs }, 'weight');
  const [outDim = 0, inDim = 0] = weight.shape;
  const rows = sizeOf(x) / inDim;
  const { wanted } = attributes;
  const code = activationCode(attributes.activation);
  const wants = new Set(wanted);
  const gradients: Record<string, TensorInfo> = {};
  if (wants.has('residual')) gradients['residual'] = backend.alias(dy);

  // The gradient of what the activation sees.
  let dPre = backend.address(dy);
  const inner = wants.has('x') || wants.has('weight') || wants.has('bias');
  if (code && inner) {
    dPre = engine.allocate(rows * outDim * 4);
    const pre = backend.side(input({ inputs }, 'y'))['preActivation'] as number;
    engine.run('activationGradient', [code, rows * outDim, pre, backend.address(dy), dPre], {
      work: rows * outDim * 4,
    });
  }
  const a = { address: dPre, stride: outDim };
  if (wants.has('weight')) {
    const dWeight = backend.output([outDim, inDim]);
    const dBias = wants.has('bias') ? backend.output([outDim]) : undefined;
    gradients['weight'] = dWeight;
    if (dBias) gradients['bias'] = dBias;
    if (rows === 0) for (const gradient of [dWeight, dBias]) if (gradient) fillZeros(backend, gradient);
    if (rows > 0) {
      multiply(engine, {
        rows: outDim,
        columns: inDim,
        depth: rows,
        a: { ...a, transposed: true },
        b: { address: backend.address(x), stride: inDim },
        c: { address: backend.address(dWeight), stride: inDim },
        sums: dBias ? backend.address(dBias) : 0,
      });
    }
  } else if (wants.has('bias')) {
    gradients['bias'] = columnSums(backend, { address: dPre, rows, columns: outDim });
  }
  if (wants.has('x')) {
    const dx = backend.output(x.shape);
    gradients['x'] = dx;
    if (rows > 0) {
      const b = { address: backend.address(weight), stride: inDim };
      multiply(engine, {
        rows,
        columns: inDim,
        depth: outDim,
        a,
        b,
        c: { address: backend.address(dx), stride: inDim },
      });
    }
  }
  if (code && inner) engine.free(dPre);
  return wanted.map((name) => gradients[name] as TensorInfo);
}

/** Sums over the rows of a matrix. */
function columnSums(
  backend: SimdBackend,
  { address, rows, columns }: { address: number; rows: number; columns: number },
): TensorInfo {
  const sums = backend.output([columns]);
  if (rows === 0) return fillZeros(backend, sums);
  backend.engine.run('reduceColumns', [0, 1, rows, columns, address, backend.address(sums)], {
    floats: { 6: 1 },
    work: rows * columns,
  });
  return sums;
}

/** Kernels of `linear` in @formers/backend. */
export const linearKernels: KernelTable = { FormersLinear: linear, FormersLinearGradient: linearGradient };
