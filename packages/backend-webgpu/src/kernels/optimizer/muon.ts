import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../../backend.ts';
import { runElementwise } from '../elementwise.ts';
import { elementwise, entry, input, type KernelCall, sizeOf, spread, WORKGROUP, WORKGROUP_INDEX } from '../kernel.ts';
import { multiply } from '../product/product.ts';
import { workgroupSum } from '../reduce-code.ts';

interface MuonAttributes {
  readonly learningRate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly iterations: number;
  readonly epsilon: number;
  readonly coefficients: readonly [a: number, b: number, c: number];
  readonly weightDecays: readonly number[];
  readonly rateFactors: readonly number[];
}

/** Workgroups that sum up squares. */
const MOST_PARTS = 256;

/** Momentum and direction of a matrix, and the sum of its squares by parts. */
const directionCode = (nesterov: boolean): string => `${workgroupSum(WORKGROUP, 'f32')}
${entry()}
  let factor = scale[0];
  var squares = 0.0;
  for (var i = ${WORKGROUP_INDEX} * ${WORKGROUP}u + lane; i < u.size; i += u.parts * ${WORKGROUP}u) {
    let g = gradient[i] * factor;
    let next = momentumBuffer[i] * u.momentum + g * u.rest;
    if (factor >= 0.0) { momentumBuffer[i] = next; }
    let moved = ${nesterov ? 'next * u.momentum + g * u.rest' : 'next'};
    direction[i] = moved;
    squares += moved * moved;
  }
  let total = sumOfWorkgroup(lane, squares);
  if (lane == 0u) { partial[${WORKGROUP_INDEX}] = total; }
}`;

/** Divides a direction by its norm. */
const normCode = `${workgroupSum(WORKGROUP, 'f32')}
${entry()}
  var squares = 0.0;
  for (var i = lane; i < u.parts; i += ${WORKGROUP}u) { squares += partial[i]; }
  let norm = sqrt(sumOfWorkgroup(lane, squares));
  let i = ${WORKGROUP_INDEX} * ${WORKGROUP}u + lane;
  if (i < u.size) { direction[i] = direction[i] * (u.factor / max(norm, u.epsilon)); }
}`;

/** Jordan 2024. */
export function muon({ backend, inputs, attributes }: KernelCall<MuonAttributes>): TensorInfo[] {
  const scale = input({ inputs }, 'gradientScale');
  const diagonals = new Map<number, Diagonals>();
  attributes.weightDecays.forEach((weightDecay, slot) => {
    const [parameter, gradient, momentumBuffer] = ['parameter', 'gradient', 'momentumBuffer'].map((name) =>
      input({ inputs }, `${name}${slot}`),
    ) as [TensorInfo, TensorInfo, TensorInfo];
    if (sizeOf(parameter) === 0) return;
    const { direction, factor } = directionOf(backend, { gradient, momentumBuffer, scale }, attributes);
    const update = orthogonalize(backend, direction, { ...attributes, diagonals });
    runElementwise(backend, {
      key: 'Muon',
      body: 'if (scale[0] >= 0.0) { parameter[i] = parameter[i] * u.rest - update[i] * u.rate; }',
      ...{ reads: { update }, scalars: { scale }, writes: { parameter } },
      numbers: {
        rest: 1 - attributes.learningRate * weightDecay,
        rate: (attributes.learningRate * (attributes.rateFactors[slot] as number)) / factor,
      },
    });
    backend.disposeData(update.dataId);
  });
  for (const { inner, outer } of diagonals.values())
    for (const { dataId } of [inner, outer]) backend.disposeData(dataId);
  return [];
}

/** The direction of a step with a norm of `factor`. */
function directionOf(
  backend: FormersWebGPUBackend,
  { gradient, momentumBuffer, scale }: Readonly<Record<'gradient' | 'momentumBuffer' | 'scale', TensorInfo>>,
  { momentum, nesterov, epsilon, coefficients: [, , c] }: MuonAttributes,
): { direction: TensorInfo; factor: number } {
  const size = sizeOf(gradient);
  const parts = Math.min(MOST_PARTS, Math.ceil(size / WORKGROUP));
  const [direction, partial] = [backend.output(gradient.shape), backend.output([parts])];
  backend.run({
    key: `Muon direction ${nesterov}`,
    code: () => directionCode(nesterov),
    ...{ reads: { gradient, scale }, writes: { momentumBuffer, direction, partial } },
    counts: { size, parts },
    numbers: { momentum, rest: 1 - momentum },
    workgroups: [parts],
  });
  const factor = c ** 0.25;
  backend.run({
    key: 'Muon norm',
    code: () => normCode,
    ...{ reads: { partial }, writes: { direction }, counts: { size, parts }, numbers: { factor, epsilon } },
    workgroups: spread(Math.ceil(size / WORKGROUP)),
  });
  backend.disposeData(partial.dataId);
  return { direction, factor };
}

/** Multiples of the unit matrix that an iteration adds. */
interface Diagonals {
  readonly inner: TensorInfo;
  readonly outer: TensorInfo;
}

/**
 * The iteration `a x + b (x xᵀ) x + c (x xᵀ)² x` (Jordan 2024), on `c^(1/4) x`: with the square completed, it is `((g + b / 2√c)² + a - b² / 4c) x` where `g` is `x xᵀ`, three
 * products that add a multiple of the unit matrix each, but for the last. Disposes `x`.
 */
function orthogonalize(
  backend: FormersWebGPUBackend,
  x: TensorInfo,
  { iterations, coefficients, diagonals }: MuonAttributes & { diagonals: Map<number, Diagonals> },
): TensorInfo {
  const [rows = 0, columns = 0] = x.shape;
  const isTall = rows > columns;
  const [fewer, more] = isTall ? [columns, rows] : [rows, columns];
  const square = { rows: fewer, columns: fewer };
  const { inner, outer } = diagonals.get(fewer) ?? makeDiagonals(backend, fewer, coefficients);
  diagonals.set(fewer, { inner, outer });
  const [shifted, polynomial] = [backend.output([fewer, fewer]), backend.output([fewer, fewer])];
  let now = x;
  for (let i = 0; i < iterations; i++) {
    const next = backend.output(x.shape);
    const [own, turned] = [{ tensor: now }, { tensor: now, transposed: true }];
    const [a, b] = isTall ? [turned, own] : [own, turned];
    multiply(backend, { ...square, depth: more, a, b, c: { tensor: shifted }, residual: inner });
    const squared = { ...square, depth: fewer, a: { tensor: shifted }, b: { tensor: shifted } };
    multiply(backend, { ...squared, c: { tensor: polynomial }, residual: outer });
    const [left, right] = isTall ? [now, polynomial] : [polynomial, now];
    const size = { rows, columns, depth: fewer };
    multiply(backend, { ...size, a: { tensor: left }, b: { tensor: right }, c: { tensor: next } });
    backend.disposeData(now.dataId);
    now = next;
  }
  for (const { dataId } of [shifted, polynomial]) backend.disposeData(dataId);
  return now;
}

function makeDiagonals(
  backend: FormersWebGPUBackend,
  size: number,
  [a, b, c]: MuonAttributes['coefficients'],
): Diagonals {
  const [inner, outer] = [backend.output([size, size]), backend.output([size, size])];
  backend.run({
    key: 'Muon diagonals',
    code: () =>
      elementwise(`let isDiagonal = i / u.columns == i % u.columns;
  inner[i] = select(0.0, u.inside, isDiagonal);
  outer[i] = select(0.0, u.outside, isDiagonal);`),
    ...{ reads: {}, writes: { inner, outer }, counts: { size: size ** 2, columns: size } },
    numbers: { inside: b / (2 * Math.sqrt(c)), outside: a - b ** 2 / (4 * c) },
    workgroups: spread(Math.ceil(size ** 2 / WORKGROUP)),
  });
  return { inner, outer };
}
