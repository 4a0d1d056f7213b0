import { rotary } from '@formers/backend';
import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs-core';

import { type Array64, broadcastAt, forEachIndex } from './array64.ts';
import type { OpCase } from './op-case.ts';

interface RotaryCase {
  readonly shape: readonly [batch: number, heads: number, seq: number, headDim: number];
  /** Default headDim. */
  readonly rotaryDim?: number;
  /** Whether each sequence has positions of its own. */
  readonly perSequence?: boolean;
  readonly interleaved?: boolean;
}

/** The cosine and sine of any angles do: values that don't depend on the way a model makes them. */
function rotaryCase({ shape, rotaryDim = shape[3], perSequence = false, interleaved = false }: RotaryCase): OpCase {
  const half = rotaryDim / 2;
  const angles = [perSequence ? shape[0] : 1, shape[2], half];
  const size = angles.reduce((product, axis) => product * axis, 1);
  const values = (f: (x: number) => number) => Float32Array.from({ length: size }, (_, i) => f(0.37 * i + 0.1));
  return {
    name: `rotary: [${shape.join()}], ${rotaryDim} of a head${interleaved ? ', neighbours' : ''}${perSequence ? ', own positions' : ''}`,
    inputs: [
      { shape },
      { shape: angles, values: values(Math.cos), differentiable: false },
      { shape: angles, values: values(Math.sin), differentiable: false },
    ],
    op: ([x, cos, sin]) => rotary(x as Tensor4D, { cos: cos as Tensor3D, sin: sin as Tensor3D, interleaved }),
    reference: ([x, cos, sin]) => {
      const y = new Float64Array((x as Array64).data.length);
      forEachIndex(shape, ([b, h, t, i], flat) => {
        const [at, channel] = [[b, h, t] as number[], i as number];
        const value = broadcastAt(x as Array64, [...at, channel]);
        if (channel >= rotaryDim) {
          y[flat] = value;
          return;
        }
        const isFirst = interleaved ? channel % 2 === 0 : channel < half;
        const pair = interleaved ? Math.floor(channel / 2) : channel % half;
        const partner = channel + (isFirst ? 1 : -1) * (interleaved ? 1 : half);
        const angle = [b, t, pair] as number[];
        y[flat] =
          value * broadcastAt(cos as Array64, angle) +
          (isFirst ? -1 : 1) * broadcastAt(x as Array64, [...at, partner]) * broadcastAt(sin as Array64, angle);
      });
      return y;
    },
  };
}

/** `rotary`: heads around the width of vectors, parts of heads, both layouts, odd batches. */
export const rotaryCases: readonly OpCase[] = [false, true].flatMap((interleaved) => [
  rotaryCase({ shape: [1, 1, 1, 2], interleaved }),
  rotaryCase({ shape: [3, 5, 7, 6], interleaved }),
  rotaryCase({ shape: [2, 3, 5, 14], perSequence: true, interleaved }),
  rotaryCase({ shape: [2, 1, 9, 16], interleaved }),
  rotaryCase({ shape: [3, 2, 4, 18], rotaryDim: 10, perSequence: true, interleaved }),
  rotaryCase({ shape: [1, 2, 197, 64], rotaryDim: 32, interleaved }),
  rotaryCase({ shape: [2, 2, 33, 80], interleaved }),
]);
