import { WORKGROUP } from './kernel.ts';

/** What the losses are told. */
export interface CrossEntropyAttributes {
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;
  readonly reduction: 'mean' | 'sum';
}

/** Memory of a workgroup, for the code below. */
export const SHARED: string = `var<workgroup> shared0: array<f32, ${WORKGROUP}>;
var<workgroup> shared1: array<f32, ${WORKGROUP}>;`;

/** Adds up `shared0` and `shared1` over a workgroup, in a fixed order. */
export const TREE: string = `for (var step = ${WORKGROUP / 2}u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) { shared0[lane] += shared0[lane + step]; shared1[lane] += shared1[lane + step]; }
  }
  workgroupBarrier();`;

/** Keeps numbers in the range of `exp`, and NaN. */
export const POWER: string = 'fn power(x: f32) -> f32 { return exp(select(x, -100.0, x < -100.0)); }';

/**
 * Makes `logSum`, the logarithm of the sum of exponentials of the row of `logits` that begins at `start`, and if smoothed `total`, its sum, for all threads of a workgroup:
 * the running maximum with the sum of exponentials below it (Milakov and Gimelshein 2018), by each thread, then together. NaN stays.
 */
export const logSumCode = (isSmoothed: boolean): string => `var highest = -3.0e38;
  var sum = 0.0;
  ${isSmoothed ? 'var total = 0.0;' : ''}
  for (var i = lane; i < u.classes; i += ${WORKGROUP}u) {
    let x = logits[start + i];
    let higher = select(highest, x, x > highest);
    sum = sum * power(highest - higher) + power(x - higher);
    highest = higher;
    ${isSmoothed ? 'total += x;' : ''}
  }
  shared0[lane] = highest;
  shared1[lane] = sum;
  for (var step = ${WORKGROUP / 2}u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) {
      let other = shared0[lane + step];
      let higher = select(shared0[lane], other, other > shared0[lane]);
      shared1[lane] = shared1[lane] * power(shared0[lane] - higher) + shared1[lane + step] * power(other - higher);
      shared0[lane] = higher;
    }
  }
  workgroupBarrier();
  let logSum = shared0[0] + log(shared1[0]);
  workgroupBarrier();
  ${isSmoothed ? `shared0[lane] = total;\n  ${TREE}\n  total = shared0[0];` : ''}`;

/** Makes `loss` of a row with a `label` from its `logSum`, for the thread that may read the label's logit. */
export const lossCode = (isSmoothed: boolean): string => `var loss = 0.0;
    if (isLabel) { loss = (1.0 - u.smoothing) * (logSum - logits[start + u32(label)]); }
    ${isSmoothed ? 'loss += u.smoothing * (logSum - total / f32(u.classes));' : ''}`;

/** Slope of a row's loss at the logit `x` of `class_`. */
export const SLOPE: string = `
fn slope(x: f32, class_: u32, label: i32, logSum: f32) -> f32 {
  let isLabel = label >= 0 && u32(label) < u.classes;
  let chosen = select(0.0, 1.0 - u.smoothing, isLabel);
  let target_ = select(0.0, chosen, class_ == u32(label)) + u.smoothing / f32(u.classes);
  return power(x - logSum) * (chosen + u.smoothing) - target_;
}`;
