import type { RawImage } from '../raw-image.ts';

/** The image with its colours multiplied by alpha (the last channel), rounded as in Pillow's `RGBA` to `RGBa`. */
export function premultiply(image: RawImage): RawImage {
  return mapColours(image, (level, alpha) => {
    const product = level * alpha + 128;
    return ((product >> 8) + product) >> 8;
  });
}

/** The other way, as in Pillow's `RGBa` to `RGBA`: cut, not rounded, and left alone where alpha is 0 or 255. */
export function unpremultiply(image: RawImage): RawImage {
  return mapColours(image, (level, alpha) => {
    return alpha === 0 || alpha === 255 ? level : Math.min(255, Math.trunc((255 * level) / alpha));
  });
}

function mapColours(image: RawImage, change: (level: number, alpha: number) => number): RawImage {
  const { channels } = image;
  const data = Uint8Array.from(image.data); // not slice, which is a view where data is a Buffer
  for (let pixel = 0; pixel < data.length; pixel += channels) {
    const alpha = data[pixel + channels - 1] as number;
    for (let i = pixel; i < pixel + channels - 1; i++) data[i] = change(data[i] as number, alpha);
  }
  return { ...image, data };
}
