import { checkShape, ConfigError, ShapeError } from '@formers/backend';
import { Module } from '@formers/nn';
import { add, type Tensor2D, type Tensor3D, tensor3d } from '@tensorflow/tfjs-core';

/** How sines and cosines share the axis: `interleaved` in turn as in the paper, `halves` first all sines, then all cosines (Marian, fairseq, Whisper). */
export type SinusoidalLayout = 'interleaved' | 'halves';

/**
 * Rates from 1 to 1/10000: `open` stops one step before the slowest, `10000^(-2i/dim)`, as in the paper; `closed` includes it, `10000^(-i/(dim/2 - 1))`
 * (tensor2tensor, fairseq, Whisper), and has a last column of zeros where dim is odd.
 */
export type SinusoidalSpacing = 'open' | 'closed';

/** Options of {@link sinusoidal}. */
export interface SinusoidalOptions {
  length: number;
  dim: number;
  /** Default `interleaved`. */
  layout?: SinusoidalLayout;
  /** Default `open`. */
  spacing?: SinusoidalSpacing;
  /** A row of zeros, for padding (fairseq, whose tokens count from the row after it). */
  paddingRow?: number;
}

/**
 * Sinusoidal positions: `sin(pos / 10000^(2i/dim))` and `cos` of the same (Vaswani et al. 2017, section 3.5).
 *
 * @returns [length, dim]
 * @throws {@link ConfigError} when dim is under 4 and the spacing closed.
 */
export function sinusoidal({ length, dim, layout, spacing, paddingRow }: SinusoidalOptions): Float32Array {
  const table = new Float32Array(length * dim);
  const columns = sinusoidalColumns(dim, { layout, spacing });
  for (let position = 0; position < length; position++)
    if (position !== paddingRow)
      for (const { column, rate, wave } of columns) table[position * dim + column] = wave(position * rate);
  return table;
}

/** What the columns of a sinusoidal table hold. */
interface SinusoidalColumn {
  readonly column: number;
  readonly rate: number;
  readonly wave: (angle: number) => number;
}

/** The columns that aren't all zeros. */
export function sinusoidalColumns(
  dim: number,
  {
    layout = 'interleaved',
    spacing = 'open',
  }: { layout?: SinusoidalLayout | undefined; spacing?: SinusoidalSpacing | undefined },
): SinusoidalColumn[] {
  if (spacing === 'closed' && dim < 4)
    throw new ConfigError(`sinusoidal: dim must be at least 4 when the spacing is closed, got ${dim}`);
  const sines = spacing === 'open' ? Math.ceil(dim / 2) : Math.floor(dim / 2);
  const used = spacing === 'open' ? dim : 2 * sines;
  return Array.from({ length: used }, (_, column) => {
    const isCosine = layout === 'interleaved' ? column % 2 === 1 : column >= sines;
    const i = layout === 'interleaved' ? Math.floor(column / 2) : column % sines;
    const exponent = spacing === 'open' ? (2 * i) / dim : i / (sines - 1);
    return { column, rate: 10000 ** -exponent, wave: isCosine ? Math.cos : Math.sin };
  });
}

/** Options of {@link SinusoidalPositions}. */
export interface SinusoidalPositionsConfig extends Omit<SinusoidalOptions, 'length'> {
  /** Number of rows there are, the one for padding and those before it included. */
  contextLength: number;
}

/** Where the tokens stand that {@link SinusoidalPositions} are added to. */
export interface SinusoidalRequest {
  /** Position of the first token; default 0. */
  offset?: number | undefined;
  /** int32 [batch or 1, seq]: a position for each token, instead of the offset. Read on the CPU side. */
  positionIds?: Tensor2D | undefined;
}

/** Adds fixed sinusoidal positions: [batch, seq, dim] to [batch, seq, dim]. Holds no tensors. */
export class SinusoidalPositions extends Module<[x: Tensor3D, request?: SinusoidalRequest], Tensor3D> {
  readonly #table: Float32Array; // [contextLength, dim]
  readonly #shape: readonly [contextLength: number, dim: number];

  constructor({ contextLength, ...options }: SinusoidalPositionsConfig) {
    super();
    this.#table = sinusoidal({ length: contextLength, ...options });
    this.#shape = [contextLength, options.dim];
  }

  /** @throws {@link ShapeError} when a position lies beyond the table. */
  protected override forward(x: Tensor3D, { offset = 0, positionIds }: SinusoidalRequest = {}): Tensor3D {
    const [contextLength, dim] = this.#shape;
    const [, seq] = x.shape;
    checkShape('SinusoidalPositions: x', x, ['batch', 'seq', dim]);
    if (positionIds) checkShape('SinusoidalPositions: positionIds', positionIds, ['batch or 1', seq]);
    const positions = positionIds?.dataSync<'int32'>();
    const last = positions ? positions.reduce((most, position) => Math.max(most, position), 0) : offset + seq - 1;
    if (last >= contextLength)
      throw new ShapeError(
        positions
          ? `SinusoidalPositions: positionIds must be under ${contextLength}, got ${last}`
          : `SinusoidalPositions: x must end before position ${contextLength}, got ${seq} tokens from ${offset}`,
      );
    if (!positions) return add(x, tensor3d(this.#table.slice(offset * dim, (offset + seq) * dim), [1, seq, dim]));
    const rows = new Float32Array(positions.length * dim);
    positions.forEach((position, i) => rows.set(this.#table.subarray(position * dim, (position + 1) * dim), i * dim));
    return add(x, tensor3d(rows, [positions.length / seq, seq, dim])); // [batch, seq, dim]
  }
}
