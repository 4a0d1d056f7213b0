import type { FusedActivation } from '@formers/backend';

import { activationCode } from '../activation.ts';
import { entry } from '../kernel.ts';

/** What a product does with each number before it is stored: `activation(number + bias) + residual`, added to what is there. */
export interface EpilogueCode {
  readonly bias: boolean;
  readonly activation: FusedActivation | 'sigmoid' | undefined;
  /** Whether what the activation gets is stored too, in `pre`. */
  readonly keepsPre: boolean;
  readonly residual: boolean;
  readonly accumulate: boolean;
  /** What the device says the length of; see `Extent`. */
  readonly extent?: 'rows' | 'depth';
  readonly isSpread?: boolean;
}

/** Part of a pipeline's key. */
export function epilogueKey(epilogue: EpilogueCode): string {
  const { bias, activation, keepsPre, residual, accumulate, isSpread } = epilogue;
  return `${bias ? 'bias ' : ''}${activation ?? ''}${keepsPre ? ' pre' : ''}${residual ? ' residual' : ''}${accumulate ? ' accumulate' : ''}${extentKey(epilogue)}${isSpread ? ' spread' : ''}`;
}

/** Part of it that the code of a product depends on where something else finishes it. */
export function extentKey({ extent }: EpilogueCode): string {
  return extent ? ` ${extent} counted` : '';
}

/** `presentCount()`: how many rows, or how much of the depth, there are. */
export function extentCode({ extent }: EpilogueCode): string {
  if (!extent) return '';
  return `fn presentCount() -> u32 { return min(u.${extent}, u32(max(counted[0] - i32(u.before), 0))); }`;
}

/** How many rows there are. */
const rowsOf = ({ extent }: EpilogueCode): string => (extent === 'rows' ? 'presentCount()' : 'u.rows');

/** Which row of the output a row is. */
const targetOf = ({ isSpread }: EpilogueCode): string => (isSpread ? 'u32(counted[1u + u.before + row])' : 'row');

/** `finish(place, column, value)` stores one number, or four neighbours. */
export function finishCode(
  { bias, activation, keepsPre, residual, accumulate }: EpilogueCode,
  element: 'f32' | 'vec4<f32>',
): string {
  const sigmoid = `fn activate(x: ${element}) -> ${element} { return 1.0 / (1.0 + exp(-clamp(x, ${element}(-80.0), ${element}(80.0)))); }`;
  return `
${activation === 'sigmoid' ? sigmoid : activation ? activationCode(activation, element) : ''}
fn finish(place: u32, column: u32, value: ${element}) {
  var v = value;
  ${bias ? 'v += bias[column];' : ''}
  ${keepsPre ? 'pre[place] = v;' : ''}
  ${activation ? 'v = activate(v);' : ''}
  ${residual ? 'v += residual[place];' : ''}
  ${accumulate ? 'v += c[place];' : ''}
  c[place] = v;
}`;
}

const range = [0, 1, 2, 3];

/** `put` of a product that is done in one pass, and `putSum`. */
export function directEpilogue(epilogue: EpilogueCode, { vector, sums }: { vector: boolean; sums: boolean }): string {
  const store = vector
    ? 'finish(place / 4u, column / 4u, value);'
    : range
        .map((i) => `if (column + ${i}u < u.columns) { finish(place + ${i}u, column + ${i}u, value[${i}]); }`)
        .join('\n  ');
  return `${finishCode(epilogue, vector ? 'vec4<f32>' : 'f32')}
fn put(part: u32, row: u32, column: u32, value: vec4f) {
  if (row >= ${rowsOf(epilogue)} || column >= u.columns) { return; }
  let place = u.cFirst + (part * u.rows + ${targetOf(epilogue)}) * u.columns + column;
  ${store}
}
${sums ? `fn putSum(part: u32, row: u32, value: f32) { sums[row] = value${epilogue.accumulate ? ' + sums[row]' : ''}; }` : ''}`;
}

/** `put` of a product whose depth is split: parts lie one after another, each with its sums at the end. */
export function partEpilogue(epilogue: EpilogueCode, { vector, sums }: { vector: boolean; sums: boolean }): string {
  const store = vector
    ? 'parts[place / 4u] = value;'
    : range.map((i) => `if (column + ${i}u < u.columns) { parts[place + ${i}u] = value[${i}]; }`).join('\n  ');
  return `
fn put(part: u32, row: u32, column: u32, value: vec4f) {
  if (row >= ${rowsOf(epilogue)} || column >= u.columns) { return; }
  let place = part * u.partSize + row * u.columns + column;
  ${store}
}
${
  sums
    ? `fn putSum(part: u32, row: u32, value: f32) {
  let place = part * u.partSize + u.rows * u.columns + row;
  ${vector ? 'parts[place / 4u][place % 4u] = value;' : 'parts[place] = value;'}
}`
    : ''
}`;
}

/** Adds the parts up, in order, and finishes; one thread for each number of the output, then one for each sum. */
export function combineCode(epilogue: EpilogueCode, sums: boolean): string {
  return `${extentCode(epilogue)}
${finishCode(epilogue, 'f32')}
${entry()}
  let i = (group.y * groups.x + group.x) * 256u + lane;
  let matrix = u.rows * u.columns;
  let batch = ${sums ? '0u' : 'i / matrix'};
  let place = i - batch * matrix;
  if (i >= u.size) { return; }
  let row = place / u.columns;
  ${epilogue.extent === 'rows' ? 'if (row >= presentCount()) { return; }' : ''}
  ${epilogue.extent === 'depth' ? '_ = &counted;' : ''}
  var value = 0.0;
  for (var split = 0u; split < u.splits; split++) { value += parts[(batch * u.splits + split) * u.partSize + place]; }
  ${sums ? `if (i >= matrix) { sums[i - matrix] = value${epilogue.accumulate ? ' + sums[i - matrix]' : ''}; return; }` : ''}
  finish(u.cFirst + batch * matrix + ${targetOf(epilogue)} * u.columns + place % u.columns, place % u.columns, value);
}`;
}
