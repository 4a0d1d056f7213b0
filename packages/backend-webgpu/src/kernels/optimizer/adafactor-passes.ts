import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../../backend.ts';
import { elementwise, entry, sizeOf, spread, WORKGROUP, WORKGROUP_INDEX } from '../kernel.ts';
import { workgroupSum } from '../reduce-code.ts';
import type { AdafactorProblem } from './adafactor.ts';

/** Rows that a thread sums up for the moment of a column, and parts at most. */
const SLAB = 64;
const MOST_SLABS = 256;
/** Workgroups at most that share the elements of a vector. */
const MOST_PARTS = 256;

const main = `${workgroupSum(WORKGROUP, 'vec2<f32>')}
${entry()}`;

const decays = ({ numbers: { beta2, epsilon } }: AdafactorProblem) => ({ beta2, rest: 1 - beta2, epsilon });

/** Moments of rows; `sizes` are the sums of squares of the parameter's rows. */
export function runRows(
  backend: FormersWebGPUBackend,
  problem: AdafactorProblem,
  row: TensorInfo,
): { sizes: TensorInfo } {
  const { parameter, gradient, scale, columns } = problem;
  const rows = sizeOf(row);
  const sizes = backend.output([rows]);
  backend.run({
    key: 'Adafactor rows',
    code: () => `${main}
  let n = ${WORKGROUP_INDEX};
  if (n >= u.rows) { return; }
  var sum = vec2f();
  for (var i = n * u.columns + lane; i < (n + 1u) * u.columns; i += ${WORKGROUP}u) {
    let g = gradient[i] * scale[0];
    sum += vec2f(g * g + u.epsilon, parameter[i] * parameter[i]);
  }
  sum = sumOfWorkgroup(lane, sum);
  if (lane > 0u) { return; }
  sizes[n] = sum.y;
  if (scale[0] >= 0.0) { row[n] = row[n] * u.beta2 + sum.x / f32(u.columns) * u.rest; }
}`,
    ...{ reads: { parameter, gradient, scale }, writes: { row, sizes } },
    ...{ counts: { rows, columns }, numbers: decays(problem), workgroups: spread(rows) },
  });
  return { sizes };
}

/** Sums of squares over slabs of rows, [matrices, slabs, columns]. */
export function runColumnSlabs(backend: FormersWebGPUBackend, problem: AdafactorProblem): { slabs: TensorInfo } {
  const { gradient, scale, matrices, rows, columns } = problem;
  const length = Math.max(SLAB, Math.ceil(rows / MOST_SLABS));
  const perMatrix = Math.ceil(rows / length);
  const slabs = backend.output([matrices, perMatrix, columns]);
  backend.run({
    key: 'Adafactor slabs',
    code: () =>
      elementwise(`let column = i % u.columns;
  let slab = i / u.columns % u.perMatrix;
  let matrix = i / (u.columns * u.perMatrix);
  var sum = 0.0;
  for (var n = slab * u.length; n < min(u.rows, (slab + 1u) * u.length); n++) {
    let g = gradient[(matrix * u.rows + n) * u.columns + column] * scale[0];
    sum += g * g + u.epsilon;
  }
  slabs[i] = sum;`),
    ...{ reads: { gradient, scale }, writes: { slabs } },
    counts: { size: sizeOf(slabs), rows, columns, perMatrix, length },
    numbers: { epsilon: problem.numbers.epsilon },
    workgroups: spread(Math.ceil(sizeOf(slabs) / WORKGROUP)),
  });
  return { slabs };
}

/** Moments of columns from the slabs. */
export function runColumns(
  backend: FormersWebGPUBackend,
  problem: AdafactorProblem,
  { column, slabs }: { column: TensorInfo; slabs: TensorInfo },
): void {
  const { scale, rows, columns } = problem;
  const size = sizeOf(column);
  backend.run({
    key: 'Adafactor columns',
    code: () =>
      elementwise(`if (scale[0] < 0.0) { return; }
  var sum = 0.0;
  for (var slab = 0u; slab < u.perMatrix; slab++) { sum += slabs[(i / u.columns * u.perMatrix + slab) * u.columns + i % u.columns]; }
  column[i] = column[i] * u.beta2 + sum / f32(u.rows) * u.rest;`),
    ...{ reads: { slabs, scale }, writes: { column } },
    counts: { size, rows, columns, perMatrix: slabs.shape[1] ?? 1 },
    numbers: decays(problem),
    workgroups: spread(Math.ceil(size / WORKGROUP)),
  });
}

/** Of each row, the sum of squares of what the update is before it is multiplied by the mean of the moments of rows. */
export function runLengths(
  backend: FormersWebGPUBackend,
  { gradient, scale, rows, columns }: AdafactorProblem,
  { row, column }: { row: TensorInfo; column: TensorInfo },
): { lengths: TensorInfo } {
  const all = sizeOf(row);
  const lengths = backend.output([all]);
  backend.run({
    key: 'Adafactor lengths',
    code: () => `${main}
  let n = ${WORKGROUP_INDEX};
  if (n >= u.all) { return; }
  var sum = 0.0;
  for (var i = lane; i < u.columns; i += ${WORKGROUP}u) {
    let g = gradient[n * u.columns + i] * scale[0] * inverseSqrt(row[n]);
    sum += g * g / column[n / u.rows * u.columns + i];
  }
  let total = sumOfWorkgroup(lane, vec2f(sum, 0.0));
  if (lane == 0u) { lengths[n] = total.x; }
}`,
    ...{ reads: { gradient, scale, row, column }, writes: { lengths }, counts: { all, rows, columns } },
    workgroups: spread(all),
  });
  return { lengths };
}

/** Second moments of a vector, and sums of squares of its update and of itself, by parts. */
export function runElements(
  backend: FormersWebGPUBackend,
  problem: AdafactorProblem,
  second: TensorInfo,
): { lengths: TensorInfo; sizes: TensorInfo } {
  const { parameter, gradient, scale } = problem;
  const size = sizeOf(parameter);
  const parts = Math.min(MOST_PARTS, Math.ceil(size / WORKGROUP));
  const [lengths, sizes] = [backend.output([parts]), backend.output([parts])];
  backend.run({
    key: 'Adafactor elements',
    code: () => `${main}
  var sum = vec2f();
  for (var i = ${WORKGROUP_INDEX} * ${WORKGROUP}u + lane; i < u.size; i += u.parts * ${WORKGROUP}u) {
    let g = gradient[i] * scale[0];
    let next = second[i] * u.beta2 + (g * g + u.epsilon) * u.rest;
    if (scale[0] >= 0.0) { second[i] = next; }
    let update = g * inverseSqrt(next);
    sum += vec2f(update * update, parameter[i] * parameter[i]);
  }
  sum = sumOfWorkgroup(lane, sum);
  if (lane > 0u) { return; }
  lengths[${WORKGROUP_INDEX}] = sum.x;
  sizes[${WORKGROUP_INDEX}] = sum.y;
}`,
    ...{ reads: { parameter, gradient, scale }, writes: { second, lengths, sizes } },
    ...{ counts: { size, parts }, numbers: decays(problem), workgroups: [parts] },
  });
  return { lengths, sizes };
}

/** [rate of the decay, rate of the update, mean of the moments of rows for each matrix]; by one workgroup. */
export function runRates(
  backend: FormersWebGPUBackend,
  { parameter, matrices, numbers: { learningRate, leastScale, clipThreshold } }: AdafactorProblem,
  { row, lengths, sizes }: { row?: TensorInfo; lengths: TensorInfo; sizes: TensorInfo },
): { rates: TensorInfo } {
  const rates = backend.output([2 + matrices]);
  backend.run({
    key: `Adafactor rates ${leastScale !== undefined}`,
    code: () => `${main}
  var squares = vec2f();
  for (var matrix = 0u; matrix < u.matrices; matrix++) {
    var sum = vec2f();
    var size = 0.0;
    for (var n = lane; n < u.rows; n += ${WORKGROUP}u) {
      sum += vec2f(lengths[matrix * u.rows + n], ${row ? 'row[matrix * u.rows + n]' : '0.0'});
      size += sizes[matrix * u.rows + n];
    }
    sum = sumOfWorkgroup(lane, sum);
    let mean = ${row ? 'sum.y / f32(u.rows)' : '1.0'};
    squares += vec2f(sum.x * mean, sumOfWorkgroup(lane, vec2f(size, 0.0)).x);
    if (lane == 0u) { rates[2u + matrix] = mean; }
  }
  if (lane > 0u) { return; }
  let roots = sqrt(squares / f32(u.size));
  let rate = u.learningRate${leastScale === undefined ? '' : ' * max(u.leastScale, roots.y)'};
  rates[0] = rate;
  rates[1] = rate / max(roots.x / u.clipThreshold, 1.0);
}`,
    ...{ reads: { ...(row && { row }), lengths, sizes }, writes: { rates } },
    counts: { matrices, rows: sizeOf(lengths) / matrices, size: sizeOf(parameter) },
    numbers: { learningRate, clipThreshold, ...(leastScale !== undefined && { leastScale }) },
    workgroups: [1],
  });
  return { rates };
}

/** First moment and parameter. */
export function runUpdate(
  backend: FormersWebGPUBackend,
  { parameter, gradient, scale, firstMoment, rows, columns, weightDecay, numbers: { beta1 } }: AdafactorProblem,
  {
    rates,
    ...moments
  }: { rates: TensorInfo } & ({ row: TensorInfo; column: TensorInfo } | { readonly second: TensorInfo }),
): void {
  const size = sizeOf(parameter);
  const isFactored = 'row' in moments;
  backend.run({
    key: `Adafactor update ${isFactored} ${firstMoment !== undefined}`,
    code: () =>
      elementwise(`if (!(scale[0] >= 0.0)) { return; }
  let g = gradient[i] * scale[0];
  ${
    isFactored
      ? `let n = i / u.columns;
  let matrix = n / u.rows;
  let root = sqrt(rates[2u + matrix] / row[n]) * inverseSqrt(column[matrix * u.columns + i % u.columns]);`
      : 'let root = inverseSqrt(second[i]);'
  }
  var update = g * root * rates[1];
  ${firstMoment ? 'update = firstMoment[i] * u.beta1 + update * u.rest;\n  firstMoment[i] = update;' : ''}
  parameter[i] = parameter[i] - parameter[i] * (rates[0] * u.decay) - update;`),
    reads: { gradient, scale, rates, ...moments },
    writes: { parameter, ...(firstMoment && { firstMoment }) },
    counts: { size, rows, columns },
    numbers: { beta1, rest: 1 - beta1, decay: weightDecay },
    workgroups: spread(Math.ceil(size / WORKGROUP)),
  });
}
