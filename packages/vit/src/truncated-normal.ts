import type { RandomStream } from '@formers/backend';
import { type Initializer, normal } from '@formers/nn';

/**
 * Normal with mean 0, values beyond ±2 drawn again: PyTorch's `trunc_normal_` with its default bounds, as timm and Hugging Face start tokens and
 * positions. The bounds are no multiples of `std`: at 0.02 nothing is ever cut.
 */
export function truncatedNormal(std: number): Initializer {
  const draw = normal(std);
  return (shape, random) => {
    const values = draw(shape, random);
    for (let beyond = beyondBounds(values); random && beyond.length > 0; beyond = beyondBounds(values))
      redraw(values, { beyond, draw, random });
    return values;
  };
}

function redraw(
  values: Float32Array,
  { beyond, draw, random }: { beyond: readonly number[]; draw: Initializer; random: RandomStream },
): void {
  const others = draw([beyond.length], random);
  beyond.forEach((place, i) => (values[place] = others[i] as number));
}

function beyondBounds(values: Float32Array): number[] {
  const places: number[] = [];
  values.forEach((value, i) => {
    if (Math.abs(value) > 2) places.push(i);
  });
  return places;
}
