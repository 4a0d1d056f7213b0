import { createNormKernels, type NormGradient } from '@formers/backend/engine';
import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../backend.ts';
import { asRows, input, type KernelCall, type KernelTable, spread, vectorOf, widthOf, zeros } from './kernel.ts';
import { normGradientCode, normCode, type NormVariant, parameterSumsCode, SUM_COLUMNS } from './norm-code.ts';

/** Workgroups that share the rows in the gradient; each leaves sums over its rows for the gradients of the parameters. */
const MOST_CHUNKS = 256;

/** Elements are taken by four where rows are whole vectors; a workgroup is as wide as a row needs, up to 256. */
function variantOf(dim: number): Pick<NormVariant, 'element' | 'threads' | 'perThread'> & { vectors: number } {
  const width = widthOf(dim);
  const [element, vectors] = [vectorOf(width), dim / width];
  const threads = vectors <= 64 ? 64 : vectors <= 128 ? 128 : 256;
  return { element, threads, vectors, perThread: Math.ceil(vectors / threads) };
}

/** Runs the kernel on x, or on the sum of x and a residual, which goes to `sum`. */
function normalise(
  { backend, inputs, attributes: { epsilon } }: KernelCall<{ epsilon: number }>,
  { centred, residual, sum }: { centred: boolean; residual?: TensorInfo; sum?: TensorInfo },
): TensorInfo {
  const x = input({ inputs }, 'x');
  const { rows, dim } = asRows(x);
  const y = backend.layerOutput(x.shape);
  const statistics = backend.output([rows, 2]); // mean and 1 / standard deviation
  backend.attach(y, { statistics });
  if (rows === 0) return y;
  const { vectors, ...variant } = variantOf(dim);
  const { weight, bias } = inputs;
  const as = variant.element;
  const full: NormVariant = { ...variant, centred, hasResidual: residual !== undefined, hasBias: bias !== undefined };
  backend.run({
    key: `norm ${Object.values(full).join()}`,
    code: () => normCode(full),
    reads: {
      x: { tensor: x, as },
      weight: { tensor: weight as TensorInfo, as },
      ...(bias && { bias: { tensor: bias, as } }),
      ...(residual && { residual: { tensor: residual, as } }),
    },
    writes: { y: { tensor: y, as }, statistics, ...(sum && { sum: { tensor: sum, as } }) },
    counts: { rows, vectors },
    numbers: { size: dim, epsilon },
    workgroups: spread(rows),
  });
  return y;
}

/** Gradients of `x`, `weight` and `bias`, those that are wanted. */
function normaliseGradient(
  backend: FormersWebGPUBackend,
  wanted: readonly string[],
  { centred, x, y, dy, weight, past }: NormGradient,
): Record<string, TensorInfo> {
  const { rows, dim } = asRows(x);
  const parameters = wanted.filter((name) => name !== 'x');
  if (rows === 0) {
    const empty = parameters.map((name) => [name, zeros(backend, weight.shape)]);
    return Object.fromEntries([['x', backend.output(x.shape)], ...empty]);
  }
  const { vectors, ...variant } = variantOf(dim);
  const as = variant.element;
  const chunkRows = Math.ceil(rows / MOST_CHUNKS);
  const chunks = Math.ceil(rows / chunkRows);
  const dx = wanted.includes('x') ? backend.output(x.shape) : undefined;
  const partial = parameters.length > 0 ? backend.output([2, chunks, dim]) : undefined;
  const flags = { centred, hasPast: past !== undefined, writesX: dx !== undefined, writesSums: partial !== undefined };
  backend.run({
    key: `norm gradient ${Object.values({ ...variant, ...flags }).join()}`,
    code: () => normGradientCode({ ...variant, ...flags }),
    reads: {
      ...{ x: { tensor: x, as }, dy: { tensor: dy, as }, weight: { tensor: weight, as } },
      statistics: backend.side(y)['statistics'] as TensorInfo,
      ...(past && dx && { past: { tensor: past, as } }),
    },
    writes: { ...(dx && { dx: { tensor: dx, as } }), ...(partial && { partial: { tensor: partial, as } }) },
    counts: { rows, vectors, chunkRows, chunks },
    numbers: { size: dim },
    workgroups: spread(chunks),
  });
  const gradients: Record<string, TensorInfo> = dx ? { x: dx } : {};
  if (!partial) return gradients;
  for (const name of parameters) gradients[name] = backend.output([dim]);
  const { weight: dWeight, bias: dBias } = gradients;
  backend.run({
    key: `norm parameter sums ${as} ${parameters.join()}`,
    code: () => parameterSumsCode(as, { dWeight: dWeight !== undefined, dBias: dBias !== undefined }),
    reads: { partial: { tensor: partial, as } },
    writes: {
      ...(dWeight && { dWeight: { tensor: dWeight, as } }),
      ...(dBias && { dBias: { tensor: dBias, as } }),
    },
    counts: { vectors, chunks },
    workgroups: spread(Math.ceil(vectors / SUM_COLUMNS)),
  });
  backend.disposeData(partial.dataId);
  return gradients;
}

/** Kernels of `layerNorm`, `rmsNorm`, `addLayerNorm` and `addRMSNorm` in @formers/backend. */
export const normKernels: KernelTable = createNormKernels({ normalise, gradients: normaliseGradient, zeros });
