/** Height and width, in pixels. */
export type Size = readonly [height: number, width: number];

/** A number for a size means a square. */
export function asSize(size: number | Size): Size {
  return typeof size === 'number' ? [size, size] : size;
}

/** Rows and columns of the patches of an image; what doesn't fill one is left out, as in a convolution. */
export function gridOf([height, width]: Size, [patchHeight, patchWidth]: Size): Size {
  return [Math.floor(height / patchHeight), Math.floor(width / patchWidth)];
}

/** How many patches an image has; what doesn't fill one is left out, as in a convolution. */
export function numPatches({ imageSize, patchSize }: { imageSize: Size; patchSize: Size }): number {
  const [rows, columns] = gridOf(imageSize, patchSize);
  return rows * columns;
}
