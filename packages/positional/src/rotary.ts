import { checkShape, rotary } from '@formers/backend';
import { type Tensor2D, type Tensor3D, tensor3d, type Tensor4D, tidy } from '@tensorflow/tfjs-core';

import { checkRotaryAngles } from './rotary-checks.ts';
import { type RotaryAngles, rotaryFrequencies } from './rotary-scaling.ts';

/** Options of {@link RotaryPositions}. */
export interface RotaryPositionsConfig extends RotaryAngles {
  /** Whether pairs are neighbours (GPT-J) or lie half of what is turned apart (Llama, GPT-NeoX); default the latter. */
  interleaved?: boolean;
}

/** Where the tokens that {@link RotaryPositions} turns stand. */
export interface RotaryRequest {
  /** Position of the first token, for instance how many a cache holds; default 0. */
  offset?: number | undefined;
  /** int32 [batch or 1, seq]: a position for each token, instead of the offset. Read on the CPU side, once per tensor. */
  positionIds?: Tensor2D | undefined;
  /** Number of positions in force, on which `dynamic` and `longrope` depend; default the largest position and one. */
  length?: number | undefined;
}

/**
 * Rotary positions (Su et al. 2021): queries and keys are turned by angles that grow with the position, so that a score depends on their distance alone.
 * Has no parameters and holds no tensors; one object serves all layers.
 *
 * @example
 * const rotary = new RotaryPositions({ headDim: 64 });
 * const scores = attend(rotary.rotate(q), rotary.rotate(k), v, { causal: true });
 */
export class RotaryPositions {
  readonly config: RotaryPositionsConfig;
  #last: (Table & { readonly key: TableKey }) | undefined; // layers ask for the same one after another

  /** @throws ConfigError when a size, theta or the scaling can't be. */
  constructor(config: RotaryPositionsConfig) {
    checkRotaryAngles(config);
    this.config = config;
  }

  /**
   * Turns queries or keys by their positions. Has a gradient.
   *
   * @param x [batch, heads, seq, headDim]
   * @returns [batch, heads, seq, headDim]
   */
  rotate(x: Tensor4D, request: RotaryRequest = {}): Tensor4D {
    checkShape('RotaryPositions.rotate: x', x, ['batch', 'heads', 'seq', this.config.headDim]);
    const { interleaved = false } = this.config;
    return tidy(() => rotary(x, { ...this.angles(x.shape[2], request), interleaved }));
  }

  /** Cosines and sines of the angles, each [batch or 1, seq, pairs], times the attention factor of the scaling. The caller's. */
  angles(seq: number, request: RotaryRequest = {}): { cos: Tensor3D; sin: Tensor3D } {
    const { cos, sin, shape } = this.#table(seq, request);
    return { cos: tensor3d(cos, shape), sin: tensor3d(sin, shape) };
  }

  #table(seq: number, { offset = 0, positionIds, length }: RotaryRequest): Table {
    if (positionIds) checkShape('RotaryPositions: positionIds', positionIds, ['batch or 1', seq]);
    const key: TableKey = { seq, offset, positionIds, length };
    if (!this.#last || !isSame(this.#last.key, key)) {
      const positions = positionIds?.dataSync<'int32'>() ?? Int32Array.from({ length: seq }, (_, i) => offset + i);
      const rows = positionIds?.shape[0] ?? 1;
      this.#last = { key, ...fill(this.config, { positions, rows, length }) };
    }
    return this.#last;
  }
}

type TableKey = Required<RotaryRequest> & { readonly seq: number };

interface Table {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
  readonly shape: [rows: number, seq: number, pairs: number];
}

function isSame(a: TableKey, b: TableKey): boolean {
  return a.seq === b.seq && a.offset === b.offset && a.positionIds === b.positionIds && a.length === b.length;
}

function fill(
  config: RotaryAngles,
  { positions, rows, length }: { positions: ArrayLike<number>; rows: number; length: number | undefined },
): Table {
  let largest = 0;
  for (let i = 0; i < positions.length; i++) largest = Math.max(largest, positions[i] as number);
  const { frequencies, attentionFactor } = rotaryFrequencies(config, { length: length ?? largest + 1 });
  const pairs = frequencies.length;
  const [cos, sin] = [new Float32Array(positions.length * pairs), new Float32Array(positions.length * pairs)];
  for (let i = 0; i < positions.length; i++) {
    for (let pair = 0; pair < pairs; pair++) {
      const angle = Math.fround((positions[i] as number) * (frequencies[pair] as number)); // as PyTorch has it
      cos[i * pairs + pair] = attentionFactor * Math.cos(angle);
      sin[i * pairs + pair] = attentionFactor * Math.sin(angle);
    }
  }
  return { cos, sin, shape: [rows, positions.length / rows, pairs] };
}
