import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../../backend.ts';
import { entry, type KernelCall, type KernelTable, sizeOf, spread, WORKGROUP, WORKGROUP_INDEX } from '../kernel.ts';
import { workgroupSum } from '../reduce-code.ts';
import { BLOCK, flatLayouts, gather } from './flat-layout.ts';
import { keepFlat } from './kept-flat.ts';

/** Workgroups of a dispatch that sum squares; each takes every so-manieth block. */
const MOST_PARTS = 1024;

/** Bits that are all set in an exponent of NaN and of infinite numbers; comparisons may be taken to know neither. */
const isFiniteCode = `
fn isFinite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }`;

const squaresCode = (): string => `${workgroupSum(WORKGROUP, 'vec2<f32>')}
${isFiniteCode}
${entry()}
  let part = ${WORKGROUP_INDEX};
  if (part >= u.parts) { return; }
  var sum = vec4<f32>(0.0);
  var broken = 0.0;
  for (var block = part; block < u.blocks; block += u.parts) {
    let left = u32(blocks[block].x) - min(u32(blocks[block].x), 4u * lane);
    let value = select(vec4<f32>(0.0), flat[block * ${WORKGROUP}u + lane], vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(left));
    sum += value * value;
    if (!(isFinite(value.x) && isFinite(value.y) && isFinite(value.z) && isFinite(value.w))) { broken = 1.0; }
  }
  let total = sumOfWorkgroup(lane, vec2<f32>(dot(sum, vec4<f32>(1.0)), broken));
  if (lane == 0u) { partial[u.first + part] = total; }
}`;

/** The sum of the squares in pairs of threads, and how many workgroups met numbers that aren't finite. */
const totalCode = `${workgroupSum(WORKGROUP, 'vec2<f32>')}
${isFiniteCode}
fn total(lane: u32) -> vec2<f32> {
  var sum = vec2<f32>(0.0);
  for (var i = lane; i < u.parts; i += ${WORKGROUP}u) { sum += partial[i]; }
  return sumOfWorkgroup(lane, sum);
}`;

/** Sums of squares of parts of all tensors, [parts, 2], and the copies that they were taken from. */
function sumSquares(
  backend: FormersWebGPUBackend,
  tensors: readonly TensorInfo[],
): { partial: TensorInfo; flats: TensorInfo[] } {
  const layouts = flatLayouts(backend, { sizes: tensors.map(sizeOf), numbers: tensors.map(() => 0) });
  const parts = layouts.map(({ size }) => Math.min(MOST_PARTS, size / BLOCK));
  const count = parts.reduce((sum, value) => sum + value, 0);
  if (count === 0) return { partial: backend.makeTensorInfo([1, 2], 'float32', new Float32Array(2)), flats: [] };
  const partial = backend.output([count, 2]);
  let first = 0;
  const flats = layouts.map((layout, i) => {
    const flat = gather(backend, tensors, layout);
    const own = parts[i] as number;
    backend.run({
      key: 'sum of squares',
      code: squaresCode,
      reads: { flat: { tensor: flat, as: 'vec4<f32>' }, blocks: { tensor: layout.blocks, as: 'vec2<f32>' } },
      writes: { partial: { tensor: partial, as: 'vec2<f32>' } },
      counts: { parts: own, blocks: layout.size / BLOCK, first },
      workgroups: spread(own),
    });
    first += own;
    return flat;
  });
  return { partial, flats };
}

function globalNorm({ backend, inputs }: KernelCall): TensorInfo {
  const { partial, flats } = sumSquares(backend, Object.values(inputs));
  const norm = backend.output([]);
  backend.run({
    key: 'global norm',
    code: () => `${totalCode}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(local_invocation_index) lane: u32) {
  let sum = total(lane);
  if (lane == 0u) { norm[0] = select(sum.x, sqrt(sum.x), isFinite(sum.x)); }
}`,
    reads: { partial: { tensor: partial, as: 'vec2<f32>' } },
    writes: { norm },
    counts: { parts: partial.shape[0] as number },
    workgroups: [1],
  });
  for (const { dataId } of [partial, ...flats]) backend.disposeData(dataId);
  return norm;
}

interface StepValuesAttributes {
  readonly share: number;
  readonly clipNorm: number | undefined;
}

/** Norm, scale and losses of a step in one dispatch after the sums; the scale is that of `gradientScale` and -1 where anything isn't finite. */
function stepValues({ backend, inputs, attributes }: KernelCall<StepValuesAttributes>): TensorInfo[] {
  const { share, clipNorm } = attributes;
  const named = (name: string) => Object.keys(inputs).filter((key) => key.startsWith(name));
  const gradients = named('gradient').map((key) => inputs[key] as TensorInfo);
  const losses = named('loss').map((key) => inputs[key] as TensorInfo);
  const { previous } = inputs;
  const { partial, flats } = sumSquares(backend, gradients);
  const values = backend.output([2 + losses.length]);
  const gradientScale = backend.output([]);
  losses.forEach((loss, i) => backend.copy(loss, values, 2 + i));
  backend.run({
    key: `step values ${clipNorm !== undefined} ${previous !== undefined}`,
    code: () => `${totalCode}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(local_invocation_index) lane: u32) {
  let sum = total(lane);
  if (lane != 0u) { return; }
  let norm = sqrt(sum.x) * u.share;
  var applies = isFinite(norm) && sum.y == 0.0;
  for (var i = 0u; i < u.losses; i++) { applies = applies && isFinite(values[2u + i]); }
  ${previous ? 'applies = applies && previous[1] >= 0.0;' : ''}
  let scale = select(-1.0, ${clipNorm === undefined ? '1.0' : 'min(1.0, u.clipNorm / (norm + 1e-6))'}, applies);
  values[0] = norm;
  values[1] = scale;
  gradientScale[0] = scale * u.share;
}`,
    reads: { partial: { tensor: partial, as: 'vec2<f32>' }, ...(previous && { previous }) },
    writes: { values, gradientScale },
    counts: { parts: partial.shape[0] as number, losses: losses.length },
    numbers: { share, ...(clipNorm !== undefined && { clipNorm }) },
    workgroups: [1],
  });
  backend.disposeData(partial.dataId);
  keepFlat(backend, { gradients, flats, until: gradientScale });
  return [values, gradientScale];
}

/** Kernels of `globalNorm` and `stepValues` in @formers/backend. */
export const globalNormKernels: KernelTable = { FormersGlobalNorm: globalNorm, FormersStepValues: stepValues };
