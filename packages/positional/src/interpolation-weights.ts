const { fround } = Math;

/** How values between places are found: `bicubic` from four neighbours in each direction, `bilinear` from two. */
export type InterpolationMode = 'bicubic' | 'bilinear';

/** Options of an interpolation. */
export interface InterpolationOptions {
  /** Default `bicubic`. */
  mode?: InterpolationMode;
  /** Whether the kernel widens where the grid shrinks and is cut off at edges, as Pillow does; default false: it keeps its width, edges repeat. */
  antialias?: boolean;
}

/**
 * How much each old place of a line counts for each new one, as `torch.nn.functional.interpolate(align_corners=False)` weighs them: cubic convolution
 * (Keys 1981) with a = -0.75, or -0.5 with antialias.
 *
 * @returns [to, from]; each row sums to 1
 */
export function interpolationWeights(
  { from, to }: { from: number; to: number },
  { mode = 'bicubic', antialias = false }: InterpolationOptions = {},
): Float32Array {
  const weights = new Float32Array(to * from);
  const reach = mode === 'bicubic' ? 2 : 1;
  const kernel = mode === 'bilinear' ? triangle : (distance: number) => cubic(distance, antialias ? -0.5 : -0.75);
  const width = antialias ? Math.max(1, from / to) : 1;
  for (let place = 0; place < to; place++) {
    const center = fround(fround(fround(from / to) * (place + 0.5)) - 0.5); // float32, as in PyTorch
    const row = new Float64Array(from);
    let total = 0;
    for (let tap = Math.ceil(center - reach * width); tap <= Math.floor(center + reach * width); tap++) {
      const isInside = tap >= 0 && tap < from;
      if (antialias && !isInside) continue;
      const weight = kernel(Math.abs(tap - center) / width);
      const old = Math.min(from - 1, Math.max(0, tap));
      row[old] = (row[old] as number) + weight;
      total += weight;
    }
    for (let old = 0; old < from; old++) weights[place * from + old] = (row[old] as number) / (antialias ? total : 1);
  }
  return weights;
}

/** The kernel of linear interpolation at a distance of 0 to 1. */
function triangle(distance: number): number {
  return Math.max(0, 1 - distance);
}

/** The kernel of cubic convolution at a distance of 0 to 2. */
function cubic(distance: number, a: number): number {
  if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
  return ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a;
}
