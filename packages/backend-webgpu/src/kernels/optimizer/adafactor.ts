import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../../backend.ts';
import { input, type KernelCall, sizeOf } from '../kernel.ts';
import {
  runColumns,
  runColumnSlabs,
  runElements,
  runLengths,
  runRates,
  runRows,
  runUpdate,
} from './adafactor-passes.ts';

/** What the kernel is told. */
export interface AdafactorAttributes {
  readonly learningRate: number;
  readonly epsilon: number;
  readonly clipThreshold: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly leastScale?: number | undefined;
  readonly weightDecays: readonly number[];
}

/** One parameter, as `matrices` of `rows` by `columns`, or as one row. */
export interface AdafactorProblem {
  readonly parameter: TensorInfo;
  readonly gradient: TensorInfo;
  readonly scale: TensorInfo;
  readonly firstMoment: TensorInfo | undefined;
  readonly matrices: number;
  readonly rows: number;
  readonly columns: number;
  readonly weightDecay: number;
  readonly numbers: AdafactorAttributes;
}

/** Shazeer and Stern 2018, algorithms 4 and 5: six dispatches for matrices, three for others. */
export function adafactor({ backend, inputs, attributes }: KernelCall<AdafactorAttributes>): TensorInfo[] {
  attributes.weightDecays.forEach((weightDecay, slot) => {
    const own = (name: string) => input({ inputs }, `${name}${slot}`);
    const [parameter, gradient] = [own('parameter'), own('gradient')];
    const size = sizeOf(parameter);
    if (size === 0) return;
    const isFactored = parameter.shape.length >= 2;
    const [rows = 1, columns = 1] = isFactored ? parameter.shape.slice(-2) : [1, size];
    const problem: AdafactorProblem = {
      ...{ parameter, gradient, scale: input({ inputs }, 'gradientScale'), firstMoment: inputs[`firstMoment${slot}`] },
      ...{ matrices: size / (rows * columns), rows, columns, weightDecay, numbers: attributes },
    };
    if (isFactored) updateMatrices(backend, problem, { row: own('rowMoment'), column: own('columnMoment') });
    else updateElements(backend, problem, own('secondMoment'));
  });
  return [];
}

function updateMatrices(
  backend: FormersWebGPUBackend,
  problem: AdafactorProblem,
  { row, column }: { row: TensorInfo; column: TensorInfo },
): void {
  const { sizes } = runRows(backend, problem, row);
  const { slabs } = runColumnSlabs(backend, problem);
  runColumns(backend, problem, { column, slabs });
  const { lengths } = runLengths(backend, problem, { row, column });
  const { rates } = runRates(backend, problem, { row, lengths, sizes });
  runUpdate(backend, problem, { row, column, rates });
  for (const { dataId } of [sizes, slabs, lengths, rates]) backend.disposeData(dataId);
}

function updateElements(backend: FormersWebGPUBackend, problem: AdafactorProblem, second: TensorInfo): void {
  const { lengths, sizes } = runElements(backend, problem, second);
  const { rates } = runRates(backend, problem, { lengths, sizes });
  runUpdate(backend, problem, { second, rates });
  for (const { dataId } of [lengths, sizes, rates]) backend.disposeData(dataId);
}
