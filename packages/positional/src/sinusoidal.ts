import { ShapeError } from '@formers/backend';
import { Module } from '@formers/nn';
import { add, keep, slice, type Tensor2D, type Tensor3D, tensor2d } from '@tensorflow/tfjs-core';

/** How sines and cosines share the axis: `interleaved` in turn as in the paper, `halves` first all sines, then all cosines (tensor2tensor, Marian). */
export type SinusoidalLayout = 'interleaved' | 'halves';

/**
 * Sinusoidal positions: `sin(pos / 10000^(2i/dim))` and `cos` of the same (Vaswani et al. 2017, section 3.5).
 *
 * @returns [length, dim]
 */
export function sinusoidal({
  length,
  dim,
  layout = 'interleaved',
}: {
  length: number;
  dim: number;
  layout?: SinusoidalLayout;
}): Float32Array {
  const table = new Float32Array(length * dim);
  const sines = Math.ceil(dim / 2);
  for (let position = 0; position < length; position++) {
    for (let column = 0; column < dim; column++) {
      const isCosine = layout === 'interleaved' ? column % 2 === 1 : column >= sines;
      const i = layout === 'interleaved' ? Math.floor(column / 2) : isCosine ? column - sines : column;
      const angle = position / 10000 ** ((2 * i) / dim);
      table[position * dim + column] = isCosine ? Math.cos(angle) : Math.sin(angle);
    }
  }
  return table;
}

/** Adds fixed sinusoidal positions: [batch, seq, dim] to [batch, seq, dim]. */
export class SinusoidalPositions extends Module<[x: Tensor3D, offset?: number], Tensor3D> {
  readonly #table: Tensor2D; // [contextLength, dim]

  constructor({
    contextLength,
    dim,
    layout = 'interleaved',
  }: {
    contextLength: number;
    dim: number;
    layout?: SinusoidalLayout;
  }) {
    super();
    this.#table = keep(tensor2d(sinusoidal({ length: contextLength, dim, layout }), [contextLength, dim])); // as long as the module, like parameters
  }

  /** @param offset Position of the first token; default 0. */
  protected override forward(x: Tensor3D, offset = 0): Tensor3D {
    const [, seq, dim] = x.shape;
    const [contextLength] = this.#table.shape;
    if (offset + seq > contextLength)
      throw new ShapeError(
        `SinusoidalPositions: x must end before position ${contextLength}, got ${seq} tokens from ${offset}`,
      );
    return add(x, slice(this.#table, [offset, 0], [seq, dim])); // [batch, seq, dim]
  }

  override dispose(): void {
    super.dispose();
    if (!this.#table.isDisposed) this.#table.dispose();
  }
}
