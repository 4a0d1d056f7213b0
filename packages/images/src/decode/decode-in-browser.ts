import { toRgb } from '../colour.ts';
import { ImageError } from '../errors.ts';
import type { RawImage } from '../raw-image.ts';
import type { ImageHeader } from './image-header.ts';
import { withoutExif } from './without-exif.ts';

/** Decodes by the browser, which draws the image on a canvas that nobody sees; works in workers, too. */
export async function decodeInBrowser(
  bytes: Uint8Array,
  { header: { format }, applyOrientation }: { header: ImageHeader; applyOrientation: boolean },
): Promise<RawImage> {
  const shown = applyOrientation ? bytes : withoutExif(bytes, format);
  const blob = new Blob([Uint8Array.from(shown)], { type: `image/${format}` });
  const bitmap = await createImageBitmap(blob, {
    imageOrientation: 'from-image',
    premultiplyAlpha: 'none',
    colorSpaceConversion: 'none',
  }).catch((cause: unknown) => {
    const isCut = format === 'jpeg' && !(bytes.at(-2) === 0xff && bytes.at(-1) === 0xd9);
    throw new ImageError(isCut ? 'truncated' : 'corrupt', `decodeImage: the browser can't decode the ${format} file`, {
      cause,
    });
  });
  try {
    const { width, height } = bitmap;
    const context = canvasContext(width, height);
    context.drawImage(bitmap, 0, 0);
    const data = new Uint8Array(context.getImageData(0, 0, width, height).data.buffer);
    const image: RawImage = { data, width, height, channels: 4 };
    return isOpaque(data) ? toRgb(image) : image;
  } finally {
    bitmap.close();
  }
}

function canvasContext(width: number, height: number): CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D {
  const canvas =
    typeof OffscreenCanvas === 'function'
      ? new OffscreenCanvas(width, height)
      : Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d', { willReadFrequently: true, colorSpace: 'srgb' });
  if (context) return context as CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;
  throw new ImageError('unsupported', 'decodeImage: the browser gives no canvas to draw on');
}

function isOpaque(data: Uint8Array): boolean {
  for (let i = 3; i < data.length; i += 4) if (data[i] !== 255) return false;
  return true;
}
