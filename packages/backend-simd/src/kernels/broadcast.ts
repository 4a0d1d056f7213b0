import { backend_util, type TensorInfo, util } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';
import { sizeOf } from './kernel.ts';
import { collapse, type LoopAxis, stridesFor } from './strides.ts';

const MAX_AXES = 8;
const UNIT = 8192;

/** Runs a kernel of pairs (`binary`, `compare`, `combine`) on two tensors, broadcast to each other. Undefined when they have too many axes. */
export function broadcast(
  backend: SimdBackend,
  kernel: string,
  { code, a, b, dtype }: { code: number; a: TensorInfo; b: TensorInfo; dtype: 'float32' | 'int32' | 'bool' },
): TensorInfo | undefined {
  const shape = util.arraysEqual(a.shape, b.shape)
    ? a.shape
    : backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
  const size = sizeOf({ shape });
  const axes = collapse(shape, [stridesFor(a.shape, shape), stridesFor(b.shape, shape)]);
  const inner = axes.pop() ?? { size: 1, strides: [0, 0] };
  const [aStep = 0, bStep = 0] = inner.strides;
  if (axes.length > MAX_AXES) return undefined;
  const y = backend.output(shape, dtype);
  if (size === 0) return y;
  const list = (f: (axis: LoopAxis) => number) =>
    Array.from({ length: MAX_AXES }, (_, i) => (axes[i] ? f(axes[i]) : 0));
  const integers = [
    ...[code, backend.address(a), backend.address(b), backend.address(y)],
    ...[inner.size, aStep, bStep, axes.length, size / inner.size],
    axes.length === 0 ? 0 : Math.max(1, Math.floor(UNIT / inner.size)),
  ];
  const outer =
    axes.length === 0
      ? []
      : [
          ...list((axis) => axis.size),
          ...list((axis) => axis.strides[0] ?? 0),
          ...list((axis) => axis.strides[1] ?? 0),
        ];
  backend.engine.run(kernel, [...integers, ...outer], { work: size });
  return y;
}
