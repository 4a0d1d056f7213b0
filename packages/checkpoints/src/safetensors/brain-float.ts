/** Widens bfloat16, which is the upper half of a float32; exact. */
export function widenBrainFloat(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const halves = new Uint16Array(new Uint8Array(bytes).buffer);
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < bits.length; i++) bits[i] = (halves[i] as number) << 16;
  return new Float32Array(bits.buffer);
}

/** Rounds to bfloat16: to nearest, ties to even; what is too large becomes infinite, and NaN stays NaN. */
export function roundToBrainFloat(values: Float32Array): Uint8Array<ArrayBuffer> {
  const bits = new Uint32Array(new Float32Array(values).buffer);
  const halves = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i] as number;
    const isNaN = (word & 0x7fffffff) > 0x7f800000;
    // Adding just under half of the last kept place carries over when the rest is more than half, or half and the kept part odd.
    halves[i] = isNaN ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return new Uint8Array(halves.buffer);
}
