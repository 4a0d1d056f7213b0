import { toRgb } from '../colour.ts';
import { ImageError } from '../errors.ts';
import { checkImage, type RawImage } from '../raw-image.ts';
import { decodeInBrowser } from './decode-in-browser.ts';
import { decodeInNode } from './decode-in-node.ts';
import { readImageHeader } from './image-header.ts';
import { type ImageSource, readSource } from './image-source.ts';

/** Options of {@link decodeImage}. */
export interface DecodeOptions {
  /** Turns the image as its EXIF orientation says; default false, as `Image.open` of Pillow leaves it. */
  applyOrientation?: boolean;
}

/**
 * The pixels of an image file: PNG, JPEG, GIF (its first frame), WebP, and in browsers BMP. In Node by `sharp`, which has to be installed; in browsers by
 * `createImageBitmap`. Size and format are checked before anything is decoded.
 *
 * In Node lossless formats give the pixels that Pillow gives: grey as 1 channel, colours and palettes as 3, what may be transparent as 4; CMYK becomes RGB;
 * of 16 bits the upper 8 stay (Pillow cuts grey at 255). JPEG decoders differ by up to 3 levels. Colour profiles are ignored.
 * Browsers give 3 channels, or 4 where a pixel isn't opaque; its colour is then rounded by its alpha.
 *
 * @throws {@link ImageError}
 */
export async function decodeImage(
  source: ImageSource,
  { applyOrientation = false }: DecodeOptions = {},
): Promise<RawImage> {
  const bytes = await readSource(source);
  try {
    return await decodeBytes(bytes, { applyOrientation });
  } catch (cause) {
    if (typeof source !== 'string' || !ImageError.isInstance(cause)) throw cause;
    throw new ImageError(cause.code, `${cause.message} (${source})`, { cause });
  }
}

/**
 * The image that Hugging Face's `load_image` gives to its processors: turned as EXIF says, three channels, alpha dropped.
 *
 * @throws {@link ImageError}
 */
export async function loadImage(source: ImageSource): Promise<RawImage> {
  return toRgb(await decodeImage(source, { applyOrientation: true }));
}

async function decodeBytes(bytes: Uint8Array, { applyOrientation }: { applyOrientation: boolean }): Promise<RawImage> {
  const header = readImageHeader(bytes);
  const decode = typeof createImageBitmap === 'function' ? decodeInBrowser : decodeInNode;
  const image = checkImage(await decode(bytes, { header, applyOrientation }), 'decodeImage');
  const fits =
    (image.width === header.width && image.height === header.height) ||
    (applyOrientation && image.width === header.height && image.height === header.width);
  if (fits) return image;
  throw new ImageError(
    'corrupt',
    `decodeImage: the ${header.format} must have ${header.width} x ${header.height} pixels as it claims, got ${image.width} x ${image.height}`,
  );
}
