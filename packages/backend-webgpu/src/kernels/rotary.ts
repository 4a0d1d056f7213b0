import type { TensorInfo } from '@tensorflow/tfjs-core';

import {
  elementwise,
  input,
  type Kernel,
  type KernelCall,
  type KernelTable,
  sizeOf,
  spread,
  WORKGROUP,
} from './kernel.ts';

/** Where element `i` lies: its row, its place in the head, and the angles of its row. Elements are numbers or, where all sizes allow, vectors of them. */
const PLACE = `
  let place = i % u.headDim;
  let row = i / u.headDim;
  let angles = ((row / u.rowsPerSet) * u.angleStride + row % u.seq) * u.half;`;

/** Pairs that lie half of rotaryDim apart (Su et al. 2021, equation 34, in Llama's order); right for numbers and for vectors. */
const HALVES = `${PLACE}
  if (place >= 2u * u.half) { y[i] = x[i]; return; }
  let isFirst = place < u.half;
  let partner = x[select(i - u.half, i + u.half, isFirst)];
  let angle = angles + place % u.half;
  y[i] = x[i] * cos[angle] + select(u.turn, -u.turn, isFirst) * partner * sin[angle];`;

/** Pairs of neighbours, a number at a time. */
const NEIGHBOURS = `${PLACE}
  if (place >= 2u * u.half) { y[i] = x[i]; return; }
  let isFirst = place % 2u == 0u;
  let partner = x[select(i - 1u, i + 1u, isFirst)];
  let angle = angles + place / 2u;
  y[i] = x[i] * cos[angle] + select(u.turn, -u.turn, isFirst) * partner * sin[angle];`;

/** Two pairs of neighbours at a time; \`half\` counts vectors of two angles. */
const NEIGHBOUR_PAIRS = `${PLACE}
  if (place >= u.half) { y[i] = x[i]; return; }
  let c = cos[angles + place].xxyy;
  let s = sin[angles + place].xxyy * vec4f(-u.turn, u.turn, -u.turn, u.turn);
  y[i] = x[i] * c + x[i].yxwz * s;`;

/** `turn` -1 turns back. */
function rotate(name: string, turn: 1 | -1): Kernel {
  return ({ backend, inputs, attributes }: KernelCall<{ interleaved: boolean }>): TensorInfo => {
    const [x, cos, sin] = [name, 'cos', 'sin'].map((each) => input({ inputs }, each)) as [
      TensorInfo,
      TensorInfo,
      TensorInfo,
    ];
    const [, heads = 1, seq = 1, headDim = 1] = x.shape;
    const [angleSets = 1, , half = 0] = cos.shape;
    const y = turn === 1 ? backend.layerOutput(x.shape) : backend.output(x.shape);
    const size = sizeOf(x);
    if (size === 0) return y;
    const { interleaved } = attributes;
    const isVector = headDim % 4 === 0 && half % (interleaved ? 2 : 4) === 0 && half > 0;
    const [width, anglesWidth] = isVector ? [4, interleaved ? 2 : 4] : [1, 1];
    const whole = isVector ? 'vec4<f32>' : 'f32';
    const angles = isVector ? (interleaved ? 'vec2<f32>' : 'vec4<f32>') : 'f32';
    const body = interleaved ? (isVector ? NEIGHBOUR_PAIRS : NEIGHBOURS) : HALVES;
    backend.run({
      key: `rotary ${interleaved} ${isVector}`,
      code: () => elementwise(body),
      reads: { x: { tensor: x, as: whole }, cos: { tensor: cos, as: angles }, sin: { tensor: sin, as: angles } },
      writes: { y: { tensor: y, as: whole } },
      counts: {
        size: size / width,
        headDim: headDim / width,
        half: half / anglesWidth,
        seq,
        rowsPerSet: heads * seq,
        angleStride: angleSets === 1 ? 0 : seq,
      },
      numbers: { turn },
      workgroups: spread(Math.ceil(size / width / WORKGROUP)),
    });
    return y;
  };
}

const turnBack = rotate('dy', -1);

/** Kernels of `rotary` in @formers/backend. */
export const rotaryKernels: KernelTable = {
  FormersRotary: rotate('x', 1),
  FormersRotaryGradient: (call) => [turnBack(call) as TensorInfo],
};
