import type { Channels, RawImage } from '../../src/index.ts';

/** A picture with all levels and no symmetry, the same as in the Python program that made the goldens. */
export function picture([width, height, channels]: readonly [number, number, number]): RawImage {
  const data = Uint8Array.from(
    { length: width * height * channels },
    (_, i) => (i * i * 31 + i * 17 + (i >> 3) * 101) & 255,
  );
  return { data, width, height, channels: channels as Channels };
}

/** A grey image from its rows. */
export function grey(...rows: number[][]): RawImage {
  return { data: Uint8Array.from(rows.flat()), width: rows[0]!.length, height: rows.length, channels: 1 };
}
