import { cmykToRgb, toGrey } from '../colour.ts';
import { ImageError } from '../errors.ts';
import { type Channels, MAX_PIXELS, type RawImage } from '../raw-image.ts';
import type { ImageHeader } from './image-header.ts';

/** Decodes by sharp, with nothing done to the pixels that Pillow wouldn't do: no colour profile, no turning unless asked. */
export async function decodeInNode(
  bytes: Uint8Array,
  { header, applyOrientation }: { header: ImageHeader; applyOrientation: boolean },
): Promise<RawImage> {
  const { format } = header;
  if (format === 'bmp')
    throw new ImageError('unsupported', 'decodeImage: bmp is read in browsers only; save it as png');
  const sharp = await importSharp();
  try {
    const picture = sharp(bytes, {
      ignoreIcc: true,
      failOn: 'error',
      limitInputPixels: MAX_PIXELS,
      autoOrient: applyOrientation,
    });
    const { space, hasAlpha } = await picture.metadata();
    if (space === 'cmyk') picture.pipelineColourspace('cmyk').toColourspace('cmyk');
    const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
    const image = { data, width: info.width, height: info.height, channels: info.channels as Channels };
    if (space === 'cmyk') return cmykToRgb(image);
    const isGrey = space === 'b-w' || space === 'grey16';
    return isGrey && !hasAlpha ? toGrey(image) : image; // sharp gives three equal channels, and of 16 bits the upper 8
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    const code = /premature|truncated|end of|eof|incomplete/i.test(text) ? 'truncated' : 'corrupt';
    throw new ImageError(
      code,
      `decodeImage: the ${format} file can't be decoded: ${text.replaceAll(/\s+/g, ' ').trim()}`,
      {
        cause,
      },
    );
  }
}

async function importSharp(): Promise<typeof import('sharp').default> {
  const name = 'sharp'; // a variable, so that bundlers for browsers don't look for it
  try {
    const { default: sharp } = (await import(/* @vite-ignore */ name)) as typeof import('sharp');
    return sharp;
  } catch (cause) {
    throw new ImageError(
      'missing-decoder',
      'decodeImage: Node decodes images by the package sharp: npm install sharp',
      {
        cause,
      },
    );
  }
}
