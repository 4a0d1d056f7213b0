import { embedding, type RandomStream, ShapeError } from '@formers/backend';
import { type Initializer, Module, normal, parameter } from '@formers/nn';
import {
  add,
  type Rank,
  range,
  reshape,
  scalar,
  type Tensor2D,
  type Tensor3D,
  type Variable,
} from '@tensorflow/tfjs-core';

/** Options of {@link LearnedPositions}. */
export interface LearnedPositionsConfig {
  /** Number of positions there are. */
  contextLength: number;
  dim: number;
  /** Rows of the table before the one of position 0 (BART: 2); default 0. */
  reserved?: number;
  /** Default normal with standard deviation 0.02. */
  init?: Initializer;
  random: RandomStream | null;
}

/** Which positions {@link LearnedPositions} looks up. */
export type PositionRequest =
  | { seq: number; /** Position of the first token; default 0. */ offset?: number }
  | { /** int32 [batch, seq]; not checked here. */ positionIds: Tensor2D };

/** A learned vector per position (Gehring et al. 2017; BERT, GPT): [1, seq, dim] for a range, [batch, seq, dim] for given positions. */
export class LearnedPositions extends Module<[request: PositionRequest], Tensor3D> {
  /** [reserved + contextLength, dim] */
  readonly weight: Variable<Rank.R2>;
  readonly #reserved: number;

  constructor({ contextLength, dim, reserved = 0, init = normal(0.02), random }: LearnedPositionsConfig) {
    super();
    this.weight = parameter<Rank.R2>([reserved + contextLength, dim], { init, random });
    this.#reserved = reserved;
  }

  /** @throws {@link ShapeError} when the range goes beyond the table. */
  protected override forward(request: PositionRequest): Tensor3D {
    const reserved = this.#reserved;
    if ('positionIds' in request) {
      const { positionIds } = request;
      return embedding<Tensor3D>(
        this.weight,
        reserved === 0 ? positionIds : add(positionIds, scalar(reserved, 'int32')),
      ); // [batch, seq, dim]
    }
    const { seq, offset = 0 } = request;
    const contextLength = this.weight.shape[0] - reserved;
    if (offset + seq > contextLength)
      throw new ShapeError(
        `LearnedPositions: there are ${contextLength} positions, got ${seq} tokens from position ${offset}`,
      );
    const first = reserved + offset;
    return embedding<Tensor3D>(this.weight, reshape(range(first, first + seq, 1, 'int32'), [1, seq])); // [1, seq, dim]
  }
}
