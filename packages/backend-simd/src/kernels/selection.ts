import { type TensorInfo, util } from '@tensorflow/tfjs-core';

import { areFloats, asRows, input, type Kernel, type KernelCall, type KernelTable, sizeOf } from './kernel.ts';
import { fillWith } from './movement.ts';

/** Codes as in assembly/selection.ts. */
const LARGEST = 0;
const SMALLEST = 1;
const SUM = 0;
const PRODUCT = 1;
const INT_SUM = 2;

/** Beyond, tfjs's selection is the quicker one. */
const MOST_KEPT = 256;

/** A shape around one axis. */
function around({ shape }: TensorInfo, axis: number): { outer: number; size: number; inner: number } {
  const size = shape[axis] ?? 1;
  return { outer: sizeOf({ shape: shape.slice(0, axis) }), size, inner: sizeOf({ shape: shape.slice(axis + 1) }) };
}

function argExtreme(code: number): Kernel {
  return (call: KernelCall<{ axis: number | number[] }>): TensorInfo | undefined => {
    const { backend, attributes } = call;
    const x = input(call, 'x');
    const [axis = 0] = util.parseAxisParam(attributes.axis, x.shape);
    if (!areFloats(x) || sizeOf(x) === 0) return undefined;
    const { outer, size, inner } = around(x, axis);
    const y = backend.output(x.shape.toSpliced(axis, 1), 'int32');
    backend.engine.run('argExtreme', [code, outer, size, inner, backend.address(x), backend.address(y)], {
      work: sizeOf(x),
    });
    return y;
  };
}

function cumulative(float: number, int?: number): Kernel {
  return (call: KernelCall<{ axis: number; exclusive: boolean; reverse: boolean }>): TensorInfo | undefined => {
    const { backend, attributes } = call;
    const x = input(call, 'x');
    const code = areFloats(x) ? float : x.dtype === 'int32' ? int : undefined;
    const [axis = 0] = util.parseAxisParam(attributes.axis, x.shape);
    if (code === undefined || sizeOf(x) === 0) return undefined;
    const { outer, size, inner } = around(x, axis);
    const y = backend.output(x.shape, x.dtype as 'float32' | 'int32');
    const flags = [attributes.exclusive, attributes.reverse].map(Number);
    const integers = [code, outer, size, inner, backend.address(x), backend.address(y), ...flags];
    backend.engine.run('cumulate', integers, { work: sizeOf(x) });
    return y;
  };
}

function topK(call: KernelCall<{ k: number }>): TensorInfo[] | undefined {
  const { backend } = call;
  const { k } = call.attributes;
  const x = input(call, 'x');
  const { rows, dim } = asRows(x);
  if (!areFloats(x) || x.shape.length === 0 || k < 1 || k > Math.min(dim, MOST_KEPT)) return undefined;
  const shape = [...x.shape.slice(0, -1), k];
  const [values, places] = [backend.output(shape), backend.output(shape, 'int32')];
  const addresses = [x, values, places].map((tensor) => backend.address(tensor));
  backend.engine.run('topValues', [rows, dim, k, ...addresses], { work: sizeOf(x) });
  return [values, places];
}

interface OneHotAttributes {
  readonly depth: number;
  readonly onValue: number;
  readonly offValue: number;
  readonly dtype: string;
}

function oneHot(call: KernelCall<OneHotAttributes>): TensorInfo | undefined {
  const { backend } = call;
  const { depth, onValue, offValue, dtype } = call.attributes;
  const indices = input(call, 'indices');
  if (indices.dtype !== 'int32') return undefined;
  const y = fillWith(backend, [...indices.shape, depth], { value: offValue, dtype });
  if (!y) return undefined;
  const target = backend.values(y);
  backend.values(indices).forEach((id, row) => {
    if (id >= 0 && id < depth) target[row * depth + id] = onValue;
  });
  return y;
}

/** Kernels of tfjs that choose or accumulate along an axis. */
export const selectionKernels: KernelTable = {
  ArgMax: argExtreme(LARGEST),
  ArgMin: argExtreme(SMALLEST),
  Cumsum: cumulative(SUM, INT_SUM),
  Cumprod: cumulative(PRODUCT),
  TopK: topK,
  OneHot: oneHot,
};
