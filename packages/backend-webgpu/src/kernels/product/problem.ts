import type { FusedActivation } from '@formers/backend';
import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { Bound } from '../../engine/shader.ts';
import type { EpilogueCode } from './epilogue.ts';
import type { ProductSize, Tile } from './tiles.ts';

/** A matrix, or one for each place of a batch. */
export interface Operand {
  readonly tensor: TensorInfo;
  readonly transposed?: boolean;
  /** Element that the matrices begin at; default 0. */
  readonly first?: number;
  /** Elements between neighbours along the four batch axes; default 0, the same matrix for all. */
  readonly strides?: readonly [number, number, number, number];
}

/** Says on the device how many rows, or how much of the depth, of a product there are: the rest costs nothing. */
export interface Extent {
  /** int32 [1 + all]: how many there are, and the place of each. */
  readonly counted: TensorInfo;
  /** How many of them come before this product. */
  readonly before: number;
  readonly axis: 'rows' | 'depth';
  /** Whether rows of c go to their places; default false. */
  readonly isSpread?: boolean;
}

/** `c = activation(a · b + bias) + residual` for each matrix of a batch. */
export interface Product extends Omit<ProductSize, 'batch'> {
  /** [rows, depth]; stored [depth, rows] if transposed. */
  readonly a: Operand;
  /** [depth, columns]; stored [columns, depth] if transposed. */
  readonly b: Operand;
  /** [batch, rows, columns], from `first` on. */
  readonly c: { readonly tensor: TensorInfo; readonly first?: number };
  /** Sizes of the batch axes; default one matrix. */
  readonly batch?: readonly [number, number, number, number];
  /** [columns] */
  readonly bias?: TensorInfo | undefined;
  readonly activation?: FusedActivation | 'sigmoid' | undefined;
  /** Like c: gets what the activation gets. */
  readonly pre?: TensorInfo | undefined;
  /** Like c. */
  readonly residual?: TensorInfo | undefined;
  /** [rows]: gets the sums over the rows of a; for one matrix. */
  readonly sums?: TensorInfo | undefined;
  /** Whether c and the sums are added to what is there. */
  readonly accumulate?: boolean;
  /** For one matrix, without residual; default all of it. */
  readonly extent?: Extent | undefined;
  /** For tests and measurements; default what suits the size. */
  readonly tile?: Tile;
}

/** Which code finishes a product. */
export function epilogueOf({ bias, activation, pre, residual, accumulate = false, extent }: Product): EpilogueCode {
  return {
    bias: bias !== undefined,
    activation,
    keepsPre: pre !== undefined,
    residual: residual !== undefined,
    accumulate,
    ...(extent && { extent: extent.axis, isSpread: extent.isSpread === true }),
  };
}

/** The tensors that finishing a product reads and writes. */
export function bindings(
  { c, bias, pre, residual, sums, extent }: Product,
  as: 'f32' | 'vec4<f32>',
): { reads: Record<string, Bound>; writes: Record<string, Bound> } {
  return {
    reads: {
      ...(bias && { bias: { tensor: bias, as } }),
      ...(residual && { residual: { tensor: residual, as } }),
      ...(extent && { counted: extent.counted }),
    },
    writes: { c: { tensor: c.tensor, as }, ...(pre && { pre: { tensor: pre, as } }), ...(sums && { sums }) },
  };
}
