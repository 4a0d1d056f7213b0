import { getFloat16, setFloat16 } from '@petamoriken/float16';

/** `Float16Array` where the platform has it. Node 22 and browsers from before 2025 lack it: there a library reads and rounds each element. */
const nativeArray: Float16ArrayConstructor | null = globalThis.Float16Array ?? null;

/** Widens half-precision floats (IEEE 754 binary16, little-endian); exact. */
export function widenHalf(
  bytes: Uint8Array,
  Native: Float16ArrayConstructor | null = nativeArray,
): Float32Array<ArrayBuffer> {
  if (Native) return new Float32Array(new Native(new Uint8Array(bytes).buffer));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const widened = new Float32Array(bytes.length / 2);
  for (let i = 0; i < widened.length; i++) widened[i] = getFloat16(view, 2 * i, true);
  return widened;
}

/** Rounds to half precision: to nearest, ties to even; what is too large becomes infinite. */
export function roundToHalf(
  values: Float32Array,
  Native: Float16ArrayConstructor | null = nativeArray,
): Uint8Array<ArrayBuffer> {
  if (Native) return new Uint8Array(new Native(values).buffer);
  const view = new DataView(new ArrayBuffer(2 * values.length));
  for (let i = 0; i < values.length; i++) setFloat16(view, 2 * i, values[i] as number, true);
  return new Uint8Array(view.buffer);
}
