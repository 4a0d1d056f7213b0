import { FormersError } from '@formers/backend';

/**
 * What is wrong with an image, for programs to branch on.
 *
 * | code | meaning |
 * | --- | --- |
 * | `unknown-format` | the bytes are no image that is known here |
 * | `unsupported` | a known format that isn't read: SVG, TIFF, ...; or a file path in a browser |
 * | `too-large` | more bytes or pixels than the limit |
 * | `truncated` | the file ends before the image does |
 * | `corrupt` | malformed: no pixels in one direction, broken chunks, ... |
 * | `missing-file` | no such file or folder |
 * | `unreadable` | the disk refused, or it is no file |
 * | `missing-decoder` | `sharp` isn't installed |
 * | `pixels` | pixels that don't fill the size that they claim |
 * | `data-set` | a data set without images or classes, or a split that leaves one side empty |
 */
export type ImageErrorCode =
  | 'unknown-format'
  | 'unsupported'
  | 'too-large'
  | 'truncated'
  | 'corrupt'
  | 'missing-file'
  | 'unreadable'
  | 'missing-decoder'
  | 'pixels'
  | 'data-set';

/** An image that cannot be read, or not be used as asked; one clear line. */
export class ImageError extends FormersError {
  override readonly name = 'ImageError';
  readonly code: ImageErrorCode;

  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Whether `value` is an ImageError, also one of another copy of this package. */
  static isInstance(value: unknown): value is ImageError {
    return value instanceof Error && value.name === 'ImageError' && 'code' in value;
  }
}
