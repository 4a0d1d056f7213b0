/** How the 8 bits of a small float are to be read. */
interface Float8Format {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  /** What the codes beside the finite numbers mean; see {@link specialValue}. */
  readonly special: 'ieee' | 'finite' | 'unsigned-zero' | 'scale';
}

/** The 8-bit floats: E5M2 and E4M3 (https://arxiv.org/abs/2209.05433), their FNUZ forms (https://arxiv.org/abs/2206.02915), and the scale E8M0 (OCP MX). */
export type Float8DType = 'F8_E5M2' | 'F8_E4M3' | 'F8_E8M0' | 'F8_E4M3FNUZ' | 'F8_E5M2FNUZ';

const formats: Readonly<Record<Float8DType, Float8Format>> = {
  F8_E5M2: { exponentBits: 5, mantissaBits: 2, bias: 15, special: 'ieee' },
  F8_E4M3: { exponentBits: 4, mantissaBits: 3, bias: 7, special: 'finite' },
  F8_E8M0: { exponentBits: 8, mantissaBits: 0, bias: 127, special: 'scale' },
  F8_E4M3FNUZ: { exponentBits: 4, mantissaBits: 3, bias: 8, special: 'unsigned-zero' },
  F8_E5M2FNUZ: { exponentBits: 5, mantissaBits: 2, bias: 16, special: 'unsigned-zero' },
};

/** Widens 8-bit floats; exact. */
export function widenFloat8(bytes: Uint8Array, dtype: Float8DType): Float32Array<ArrayBuffer> {
  const values = Float32Array.from({ length: 256 }, (_, code) => float8Value(code, formats[dtype]));
  const widened = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) widened[i] = values[bytes[i] as number] as number;
  return widened;
}

function float8Value(code: number, format: Float8Format): number {
  const { exponentBits, mantissaBits, bias } = format;
  const special = specialValue(code, format);
  if (special !== undefined) return special;
  const sign = format.special !== 'scale' && code >= 0x80 ? -1 : 1;
  const exponent = (code >> mantissaBits) & (2 ** exponentBits - 1);
  const fraction = (code & (2 ** mantissaBits - 1)) / 2 ** mantissaBits;
  if (format.special === 'scale') return 2 ** (exponent - bias);
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

/** NaN and infinities. The FNUZ forms have one NaN, in the place of -0; E4M3 has NaN only where all bits are set; E5M2 is as IEEE 754. */
function specialValue(code: number, { special }: Float8Format): number | undefined {
  if (special === 'scale') return code === 0xff ? NaN : undefined;
  if (special === 'unsigned-zero') return code === 0x80 ? NaN : undefined;
  if (special === 'finite') return (code & 0x7f) === 0x7f ? NaN : undefined;
  if ((code & 0x7f) < 0x7c) return undefined;
  return (code & 0x7f) > 0x7c ? NaN : code < 0x80 ? Infinity : -Infinity;
}
