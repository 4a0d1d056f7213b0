export { OutOfMemoryError } from './errors.ts';
export { simd, type SimdOptions } from './simd.ts';
