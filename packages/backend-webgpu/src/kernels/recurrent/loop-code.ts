import { entry, WORKGROUP_INDEX } from '../kernel.ts';
import type { Direction } from './cells.ts';
import type { LoopShape } from './layer.ts';

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Factors of each sum that are read at once. */
const UNROLLED = 4;

/**
 * A workgroup takes some rows through many steps, with the operand (states, or on the way back gradients of gates) in shared memory. Each thread sums a part of the products of one unit; then each finishes some
 * units.
 */
export function loopCode(
  { products, operands, isBackward, code }: Direction,
  { hidden, rows, parts, threads }: LoopShape & { hidden: number },
): string {
  const vector = rows === 1 ? 'f32' : `vec${rows}f`;
  const depth = operands * hidden;
  const partDepth = Math.ceil(depth / parts);
  const addAt = (offset: number) => `{
        let x = ${vector}(${range(rows)
          .map((r) => `operand[${rows}u * (k + ${offset}u) + ${r}u]`)
          .join(', ')});
        let at = (k + ${offset}u) * ${products * hidden}u + j;
        ${range(products)
          .map((o) => `sum${o} = fma(x, ${vector}(matrix[at + ${o * hidden}u]), sum${o});`)
          .join('\n        ')}
      }`;
  return `
const HIDDEN = ${hidden}u;
${code}
/** [depth, rows]: single numbers, as a vector's may not be written by several threads. */
var<workgroup> operand: array<f32, ${depth * rows}>;
var<workgroup> shares: array<${vector}, ${parts * products * hidden}>;

${entry(threads)}
  let firstRow = ${WORKGROUP_INDEX} * ${rows}u;
  if (firstRow >= u.batch) { return; }
  for (var i = lane; i < ${depth * rows}u; i += ${threads}u) {
    let row = firstRow + i % ${rows}u;
    var value = 0.0;
    if (row < u.batch) { value = operandAt(row, u.first, i / ${rows}u); }
    operand[i] = value;
  }
  workgroupBarrier();
  for (var step = 0u; step < u.steps; step++) {
    let t = u.first ${isBackward ? '-' : '+'} step;
    for (var unit = lane; unit < ${hidden * parts}u; unit += ${threads}u) {
      let j = unit % HIDDEN;
      let part = unit / HIDDEN;
      ${range(products)
        .map((o) => `var sum${o} = ${vector}();`)
        .join(' ')}
      let end = min(${depth}u, (part + 1u) * ${partDepth}u);
      var k = part * ${partDepth}u;
      for (; k + ${UNROLLED - 1}u < end; k += ${UNROLLED}u) {
        ${range(UNROLLED).map(addAt).join('\n        ')}
      }
      for (; k < end; k++) ${addAt(0)}
      ${range(products)
        .map((o) => `shares[(part * ${products}u + ${o}u) * HIDDEN + j] = sum${o};`)
        .join('\n      ')}
    }
    workgroupBarrier();
    for (var i = lane; i < ${hidden * rows}u; i += ${threads}u) {
      let j = i % HIDDEN;
      let r = i / HIDDEN;
      if (firstRow + r >= u.batch) { continue; }
      var sums = array<f32, ${products}>();
      for (var part = 0u; part < ${parts}u; part++) {
        ${range(products)
          .map((o) => `sums[${o}] += shares[(part * ${products}u + ${o}u) * HIDDEN + j]${rows === 1 ? '' : '[r]'};`)
          .join('\n        ')}
      }
      let next = finish(firstRow + r, t, j, sums);
      ${range(operands)
        .map((p) => `operand[${rows}u * (j + ${p * hidden}u) + r] = next[${p}];`)
        .join('\n      ')}
    }
    workgroupBarrier();
  }
}`;
}
