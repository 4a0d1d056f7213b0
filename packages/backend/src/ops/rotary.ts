import {
  add,
  concat,
  mul,
  reshape,
  slice,
  stack,
  sub,
  type Tensor,
  type Tensor3D,
  type Tensor4D,
  tidy,
} from '@tensorflow/tfjs-core';

import { defineOp, type Op } from '../define-op.ts';
import { ShapeError } from '../errors.ts';

/** Options of {@link rotary}. */
export interface RotaryOptions {
  /** [batch or 1, seq, rotaryDim / 2] float32, the cosine of each angle. */
  readonly cos: Tensor3D;
  /** The same of the sine. */
  readonly sin: Tensor3D;
  /** Whether the pairs are neighbours (`x_2i` with `x_2i+1`, GPT-J) or lie half of rotaryDim apart (Llama, GPT-NeoX); default the latter. */
  readonly interleaved?: boolean;
}

/**
 * Rotary position embedding: turns pairs of numbers of each head by the angle of their position (Su et al. 2021, equation 34). The first rotaryDim numbers
 * of a head are turned, the others pass. The angles have no gradient.
 *
 * @param x [batch, heads, seq, headDim]
 * @returns [batch, heads, seq, headDim]
 * @throws {@link ShapeError} when the shapes of cos and sin don't fit x or each other.
 */
export function rotary(x: Tensor4D, { cos, sin, interleaved = false }: RotaryOptions): Tensor4D {
  const [batch, , seq, headDim] = x.shape;
  const [rows, length, half] = cos.shape;
  const fits = cos.rank === 3 && (rows === batch || rows === 1) && length === seq && 2 * half <= headDim;
  if (!fits || cos.shape.join() !== sin.shape.join())
    throw new ShapeError(
      `rotary: cos and sin must be [${batch} or 1, ${seq}, at most ${headDim / 2}], got [${cos.shape.join(', ')}] and [${sin.shape.join(', ')}]`,
    );
  return rotaryOp({ x, cos, sin }, { interleaved });
}

type Inputs = {
  readonly x: Tensor4D;
  readonly cos: Tensor3D;
  readonly sin: Tensor3D;
};

/** The op behind {@link rotary}. Its gradient turns by the opposite angles. */
export const rotaryOp: Op<Inputs, { interleaved: boolean }, Tensor4D> = defineOp<
  Inputs,
  { interleaved: boolean },
  Tensor4D
>({
  name: 'FormersRotary',
  differentiable: ['x'],
  saves: ['cos', 'sin'],
  savesOutput: false,
  composition: ({ x, cos, sin }, { interleaved }) =>
    tidy(() => {
      const [batch, heads, seq, headDim] = x.shape;
      const [rows, , half] = cos.shape;
      const [c, s] = [cos, sin].map((angles) => reshape(angles, [rows, 1, seq, half])) as [Tensor, Tensor];
      const turned = slice(x, [0, 0, 0, 0], [batch, heads, seq, 2 * half]); // [batch, heads, seq, rotaryDim]
      const rest = slice(x, [0, 0, 0, 2 * half], [batch, heads, seq, headDim - 2 * half]); // [batch, heads, seq, headDim - rotaryDim]
      const pairs = reshape(turned, [batch, heads, seq, ...(interleaved ? [half, 2] : [2, half])]);
      const [first, second] = [0, 1].map((side) => part(pairs, { axis: interleaved ? 4 : 3, at: side })) as [
        Tensor,
        Tensor,
      ]; // [batch, heads, seq, rotaryDim / 2]
      const parts = [sub(mul(first, c), mul(second, s)), add(mul(second, c), mul(first, s))];
      const result = reshape(stack(parts, interleaved ? 4 : 3), turned.shape); // [batch, heads, seq, rotaryDim]
      return (rest.size > 0 ? concat([result, rest], 3) : result) as Tensor4D;
    }),
});

/** What lies at one place of an axis, without this axis. */
function part(x: Tensor, { axis, at }: { axis: number; at: number }): Tensor {
  const begin = x.shape.map((_, i) => (i === axis ? at : 0));
  return reshape(slice(x, begin, x.shape.with(axis, 1)), x.shape.toSpliced(axis, 1));
}
