import { ConfigError, type RandomStream } from '@formers/backend';

import { crop, flipHorizontal } from '../crop.ts';
import type { RawImage } from '../raw-image.ts';
import { affine } from './affine.ts';

/** A random change of images that leaves what they show: more of them to learn from. The same stream gives the same change. */
export interface Augmentation {
  /** Name and numbers, to tell whether a resumed run still does the same. */
  readonly identity: string;
  apply(image: RawImage, random: RandomStream): RawImage;
}

/** Bounds of {@link randomAffine}. */
export interface AffineBounds {
  /** Up to how many pixels to each side, in both directions; default 0. */
  shift?: number;
  /** Up to how many degrees, in both directions; default 0. */
  rotate?: number;
  /** From and to; default [1, 1]. */
  scale?: readonly [least: number, most: number];
  /** The level that comes in from outside; default 0. */
  fill?: number;
}

/** Shifts, rotates and scales, each evenly within its bounds. */
export function randomAffine({ shift = 0, rotate = 0, scale = [1, 1], fill = 0 }: AffineBounds): Augmentation {
  if (!(shift >= 0 && rotate >= 0 && scale[0] > 0 && scale[0] <= scale[1])) {
    throw new ConfigError(
      `randomAffine: shift and rotate must be at least 0 and scale [least, most] above 0, got ${shift}, ${rotate}, [${scale.join(', ')}]`,
    );
  }
  return {
    identity: `affine shift ${shift} rotate ${rotate} scale ${scale.join('-')} fill ${fill}`,
    apply: (image, random) => {
      const within = (least: number, most: number): number => least + (most - least) * random.uniform();
      const right = within(-shift, shift);
      const down = within(-shift, shift);
      return affine(image, {
        shift: [right, down],
        rotate: within(-rotate, rotate),
        scale: within(...scale),
        fill,
      });
    },
  };
}

/** A window of the image's own size, or of a given one, somewhere on the image with a border around it. */
export function randomCrop({
  padding = 0,
  size,
  fill = 0,
}: {
  /** Pixels of border on each side; default 0. */
  padding?: number;
  /** Of the window; default the image's. */
  size?: { width: number; height: number };
  /** Level of the border; default 0. */
  fill?: number;
}): Augmentation {
  if (!(Number.isSafeInteger(padding) && padding >= 0)) {
    throw new ConfigError(`randomCrop: padding must be a whole number from 0, got ${padding}`);
  }
  return {
    identity: `crop padding ${padding} size ${size ? `${size.width}x${size.height}` : 'same'} fill ${fill}`,
    apply: (image, random) => {
      const { width, height } = size ?? image;
      const [spareX, spareY] = [image.width + 2 * padding - width, image.height + 2 * padding - height];
      if (spareX < 0 || spareY < 0) {
        throw new ConfigError(
          `randomCrop: size must fit into the image with its padding, ${image.width + 2 * padding} x ${image.height + 2 * padding}, got ${width} x ${height}`,
        );
      }
      const left = random.integer(spareX + 1) - padding;
      const top = random.integer(spareY + 1) - padding;
      return crop(image, { left, top, width, height, fill });
    },
  };
}

/** Exchanges left and right in some of the images. Not for digits and letters. */
export function randomFlip({ probability = 0.5 }: { probability?: number } = {}): Augmentation {
  if (!(probability >= 0 && probability <= 1)) {
    throw new ConfigError(`randomFlip: probability must be in [0, 1], got ${probability}`);
  }
  return {
    identity: `flip ${probability}`,
    apply: (image, random) => (random.uniform() < probability ? flipHorizontal(image) : image),
  };
}
