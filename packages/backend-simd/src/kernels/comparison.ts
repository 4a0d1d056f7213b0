import { type TensorInfo, util } from '@tensorflow/tfjs-core';

import { broadcast } from './broadcast.ts';
import { areFloats, input, type Kernel, type KernelCall, type KernelTable, sizeOf } from './kernel.ts';

/** Codes as in assembly/comparison.ts. */
const COMPARISONS = { Equal: 0, NotEqual: 1, Less: 2, LessEqual: 3, Greater: 4, GreaterEqual: 5 } as const;
const INTEGER = 8;
const NOT_EQUAL = 1;
const IS_INFINITE = 6;
const IS_FINITE = 7;
const LOGIC = { LogicalAnd: 0, LogicalOr: 1 } as const;
const XOR = 2;
const ALL = 0;
const ANY = 1;

function comparison(code: number): Kernel {
  return (call: KernelCall): TensorInfo | undefined => {
    const [a, b] = [input(call, 'a'), input(call, 'b')];
    if (areFloats(a, b)) return broadcast(call.backend, 'compare', { code, a, b, dtype: 'bool' });
    if (a.dtype !== 'int32' || b.dtype !== 'int32') return undefined;
    return broadcast(call.backend, 'compare', { code: INTEGER + code, a, b, dtype: 'bool' });
  };
}

/** What a number is: a comparison of x with itself. */
function property(code: number): Kernel {
  return (call: KernelCall): TensorInfo | undefined => {
    const x = input(call, 'x');
    return areFloats(x) ? broadcast(call.backend, 'compare', { code, a: x, b: x, dtype: 'bool' }) : undefined;
  };
}

function logic(code: number): Kernel {
  return (call: KernelCall): TensorInfo | undefined => {
    const [a, b] = [input(call, 'a'), input(call, 'b')];
    if (a.dtype !== 'bool' || b.dtype !== 'bool') return undefined;
    return broadcast(call.backend, 'combine', { code, a, b, dtype: 'bool' });
  };
}

/** Exclusive or with true. */
function logicalNot(call: KernelCall): TensorInfo | undefined {
  const { backend } = call;
  const x = input(call, 'x');
  if (x.dtype !== 'bool') return undefined;
  const one = backend.makeTensorInfo([], 'bool', Uint8Array.of(1));
  const y = broadcast(backend, 'combine', { code: XOR, a: x, b: one, dtype: 'bool' });
  backend.disposeData(one.dataId);
  return y;
}

/** Over neighbouring axes. */
function reduction(code: number): Kernel {
  return (call: KernelCall<{ axis?: number | number[]; keepDims?: boolean }>): TensorInfo | undefined => {
    const { backend, attributes } = call;
    const x = input(call, 'x');
    const axes = util
      .parseAxisParam(attributes.axis ?? x.shape.map((_, i) => i), x.shape)
      .toSorted((left, right) => left - right);
    const first = axes[0] ?? 0;
    if (x.dtype !== 'bool' || sizeOf(x) === 0 || !axes.every((axis, i) => axis === first + i)) return undefined;
    const shape = attributes.keepDims
      ? x.shape.map((size, i) => (axes.includes(i) ? 1 : size))
      : x.shape.filter((_, i) => !axes.includes(i));
    const y = backend.output(shape, 'bool');
    const outer = sizeOf({ shape: x.shape.slice(0, first) });
    const axis = sizeOf({ shape: axes.map((i) => x.shape[i] as number) });
    const integers = [code, outer, axis, sizeOf(x) / outer / axis, backend.address(x), backend.address(y)];
    backend.engine.run('reduceBytes', integers, { work: sizeOf(x) });
    return y;
  };
}

const each = (codes: Readonly<Record<string, number>>, make: (code: number) => Kernel) =>
  Object.fromEntries(Object.entries(codes).map(([name, code]) => [name, make(code)]));

/** Comparisons and logic of tfjs. */
export const comparisonKernels: KernelTable = {
  ...each(COMPARISONS, comparison),
  ...each(LOGIC, logic),
  LogicalNot: logicalNot,
  IsNan: property(NOT_EQUAL),
  IsInf: property(IS_INFINITE),
  IsFinite: property(IS_FINITE),
  All: reduction(ALL),
  Any: reduction(ANY),
};
