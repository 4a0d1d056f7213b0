import { entry, WORKGROUP, WORKGROUP_INDEX } from '../kernel.ts';
import type { Direction } from './cells.ts';

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Units of a workgroup; its threads share out the inner axis. */
export const STEP_UNITS = 32;
const PARTS = WORKGROUP / STEP_UNITS;
/** Vectors of shared memory: operands, then what the parts have summed. */
const ROOM = 512;

/** Fours of rows that a workgroup computes together. */
export function stepFours(batch: number): number {
  return Math.min(4, Math.ceil(batch / 4));
}

/**
 * One step: a workgroup for 32 units and some fours of rows. The operand passes through shared memory, each weight is used for all the rows; sums of parts are added up in order.
 */
export function stepCode(
  { products, operands, code }: Direction,
  { hidden, fours }: { hidden: number; fours: number },
): string {
  const depth = operands * hidden;
  const chunk = ROOM / 2 ** Math.ceil(Math.log2(fours));
  const unitBlocks = Math.ceil(hidden / STEP_UNITS);
  const each = (f: (o: number, n: number) => string, between = '\n        ') =>
    range(products)
      .flatMap((o) => range(fours).map((n) => f(o, n)))
      .join(between);
  return `
const HIDDEN = ${hidden}u;
${code}
var<workgroup> room: array<vec4f, ${ROOM}>;
var<workgroup> totals: array<vec4f, ${products * fours * STEP_UNITS}>;

fn operandOf(row: u32, k: u32) -> f32 {
  if (row >= u.batch) { return 0.0; }
  return operandAt(row, u.first, k);
}

${entry()}
  let index = ${WORKGROUP_INDEX};
  let firstRow = index / ${unitBlocks}u * ${4 * fours}u;
  let firstUnit = index % ${unitBlocks}u * ${STEP_UNITS}u;
  if (firstRow >= u.batch) { return; }
  let j = firstUnit + lane % ${STEP_UNITS}u;
  let part = lane / ${STEP_UNITS}u;
  ${each((o, n) => `var sum${o}_${n} = vec4f();`, ' ')}
  for (var start = 0u; start < ${depth}u; start += ${chunk}u) {
    for (var i = lane; i < ${fours * chunk}u; i += ${WORKGROUP}u) {
      let k = start + i % ${chunk}u;
      let row = firstRow + i / ${chunk}u * 4u;
      var four = vec4f();
      if (k < ${depth}u) { four = vec4f(operandOf(row, k), operandOf(row + 1u, k), operandOf(row + 2u, k), operandOf(row + 3u, k)); }
      room[i] = four;
    }
    workgroupBarrier();
    if (j < HIDDEN) {
      let end = min(${chunk}u, ${depth}u - start);
      for (var k = part; k < end; k += ${PARTS}u) {
        let at = (start + k) * ${products * hidden}u + j;
        ${range(products)
          .map((o) => `let weight${o} = vec4f(matrix[at + ${o * hidden}u]);`)
          .join('\n        ')}
        ${range(fours)
          .map((n) => `let x${n} = room[${n * chunk}u + k];`)
          .join('\n        ')}
        ${each((o, n) => `sum${o}_${n} = fma(x${n}, weight${o}, sum${o}_${n});`)}
      }
    }
    workgroupBarrier();
  }
  ${each(
    (o, n) => `room[lane] = sum${o}_${n};
  workgroupBarrier();
  if (part == 0u) {
    for (var other = 1u; other < ${PARTS}u; other++) { sum${o}_${n} += room[lane + other * ${STEP_UNITS}u]; }
    totals[${(o * fours + n) * STEP_UNITS}u + lane] = sum${o}_${n};
  }
  workgroupBarrier();`,
    '\n  ',
  )}
  for (var i = lane; i < ${4 * fours * STEP_UNITS}u; i += ${WORKGROUP}u) {
    let unit = i % ${STEP_UNITS}u;
    let r = i / ${STEP_UNITS}u;
    if (firstRow + r >= u.batch || firstUnit + unit >= HIDDEN) { continue; }
    let at = r / 4u * ${STEP_UNITS}u + unit;
    ${range(products)
      .map((o) => `let total${o} = totals[at + ${o * fours * STEP_UNITS}u][r % 4u];`)
      .join('\n    ')}
    finish(firstRow + r, u.first, firstUnit + unit, array<f32, ${products}>(${range(products)
      .map((o) => `total${o}`)
      .join(', ')}));
  }
}`;
}
