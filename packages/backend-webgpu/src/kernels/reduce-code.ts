/**
 * WGSL of `fn sumOfWorkgroup(lane: u32, value: T) -> T`: the sum over the threads of a workgroup, for all of them. Always in the same order; must be called by all.
 *
 * @param threads A power of 2.
 * @param element What is summed.
 */
export function workgroupSum(threads: number, element: 'f32' | 'vec2<f32>'): string {
  return `
var<workgroup> shares: array<${element}, ${threads}>;
fn sumOfWorkgroup(lane: u32, value: ${element}) -> ${element} {
  shares[lane] = value;
  workgroupBarrier();
  for (var half = ${threads / 2}u; half > 0u; half = half / 2u) {
    if (lane < half) { shares[lane] = shares[lane] + shares[lane + half]; }
    workgroupBarrier();
  }
  let sum = shares[0];
  workgroupBarrier();
  return sum;
}`;
}
