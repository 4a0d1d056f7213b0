import sharp from 'sharp';
import { describe, expect, it } from 'vitest';

import { withoutExif } from '../src/decode/without-exif.ts';
import { picture } from './support/picture.ts';

const { data, width, height } = picture([9, 5, 3]);

describe('withoutExif', () => {
  it.each(['jpeg', 'png', 'webp'] as const)('takes the orientation out of a %s, and nothing else', async (format) => {
    const turned = await sharp(data, { raw: { width, height, channels: 3 } })
      .withMetadata({ orientation: 6 })
      .toFormat(format)
      .toBuffer();
    expect((await sharp(turned).metadata()).orientation).toBe(6);
    const plain = withoutExif(turned, format);
    expect((await sharp(plain).metadata()).orientation).toBeUndefined();
    expect((await sharp(turned).metadata()).orientation).toBe(6);
    expect(await sharp(plain).raw().toBuffer()).toEqual(await sharp(turned).raw().toBuffer());
    expect(withoutExif(plain, format)).toBe(plain);
  });
});
