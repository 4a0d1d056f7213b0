import type { TensorInfo } from '@tensorflow/tfjs-core';

import { runElementwise } from './elementwise.ts';
import { input, type Kernel, type KernelCall, type KernelTable } from './kernel.ts';

/** Sine and cosine to float32 precision (Cephes, `sinf`), for arguments up to some thousands: WGSL's own may be off by 2^-11. `shift` is 0 for the sine and 1 for the cosine. */
const CODE = `
fn sine(x: T, shift: f32) -> T {
  let turns = round(x * 0.6366197723675814);
  let r = fma(turns, T(-7.549789948768648e-8), fma(turns, T(-4.83751296997070e-4), fma(turns, T(-1.5703125), x)));
  let s = r * r;
  let odd = fma(r * s, fma(s, fma(s, T(-1.9515295891e-4), T(8.3321608736e-3)), T(-1.6666654611e-1)), r);
  let even = fma(s * s, fma(s, fma(s, T(2.443315711809948e-5), T(-1.388731625493765e-3)), T(4.166664568298827e-2)), fma(s, T(-0.5), T(1.0)));
  let quarter = turns + T(shift);
  let place = quarter - 4.0 * floor(quarter * 0.25);
  let value = select(odd, even, (place == T(1.0)) | (place == T(3.0)));
  return select(value, -value, place >= T(2.0));
}`;

function trigonometric(name: 'sin' | 'cos'): Kernel {
  return (call: KernelCall): TensorInfo | undefined => {
    const x = input(call, 'x');
    if (x.dtype !== 'float32') return undefined;
    const y = call.backend.output(x.shape);
    runElementwise(call.backend, {
      key: name,
      helpers: (element) => CODE.replaceAll(/\bT\b/g, element),
      body: `y[i] = sine(x[i], ${name === 'sin' ? '0.0' : '1.0'});`,
      ...{ reads: { x }, writes: { y } },
    });
    return y;
  };
}

/** Sine and cosine. */
export const trigonometricKernels: KernelTable = { Sin: trigonometric('sin'), Cos: trigonometric('cos') };
