import { ImageError, readImageHeader } from '@formers/images';

import { digitFromStrokes } from '../digit/digit-form.ts';
import { imageDataOf } from '../page/pixels.ts';
import type { Sample } from './protocol.ts';

/** Pixels of a thumbnail along each side. */
const SIDE = 56;

/** Bytes of a file that its header is looked for in. */
const HEADER_BYTES = 2 ** 18;

/**
 * A small square picture of a sample, which also tells whether it can be read at all.
 *
 * @throws {@link ImageError} for files that are no images, or too large, or broken.
 */
export async function thumbnailOf({ image }: Sample): Promise<HTMLCanvasElement> {
  const canvas = Object.assign(document.createElement('canvas'), { width: SIDE, height: SIDE });
  const bitmap =
    image instanceof Blob ? await readBitmap(image) : await createImageBitmap(imageDataOf(digitFromStrokes(image)));
  const scale = Math.max(SIDE / bitmap.width, SIDE / bitmap.height);
  const [width, height] = [bitmap.width * scale, bitmap.height * scale];
  canvas.getContext('2d')?.drawImage(bitmap, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
  bitmap.close();
  return canvas;
}

async function readBitmap(file: Blob): Promise<ImageBitmap> {
  const { width, height } = readImageHeader(new Uint8Array(await file.slice(0, HEADER_BYTES).arrayBuffer()));
  const shrink = Math.max(width, height) > 2 * SIDE;
  const size = width < height ? { resizeWidth: 2 * SIDE } : { resizeHeight: 2 * SIDE };
  return createImageBitmap(file, shrink ? { ...size, resizeQuality: 'low' } : {}).catch((cause: unknown) => {
    throw new ImageError('corrupt', 'the browser can’t decode it', { cause });
  });
}
