import {
  adamWStep,
  attend,
  crossEntropy,
  dropout,
  embedding,
  gelu,
  geluTanh,
  globalNorm,
  layerNorm,
  linear,
  linearCrossEntropy,
  rmsNorm,
  silu,
  valueAndGradients,
  withDropout,
} from '@formers/backend';
import {
  add,
  conv2d,
  maxPool,
  scalar,
  softmax,
  sum,
  type Tensor,
  tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tidy,
  transpose,
  variable,
  zeros,
} from '@tensorflow/tfjs-core';

import type { OpTask } from '../harness/tasks.ts';
import { digest, pattern, patternIds } from './pattern.ts';
import type { TimedTask } from './timed-task.ts';
import { waitFor } from './wait-for.ts';

type Sizes = Readonly<Record<string, number>>;

/** Inputs that have a gradient, and what is computed of them. */
interface PreparedOp {
  readonly inputs: readonly Tensor[];
  readonly forward: () => Tensor;
  /** Whether the numbers depend on chance. */
  readonly random?: boolean;
}

/** The size called `name`. */
function size(sizes: Sizes, name: string): number {
  const value = sizes[name];
  if (value === undefined) throw new RangeError(`the op needs a size called ${name}`);
  return value;
}

/** A tensor of the shared pattern; input number `seed` of its op. */
function input<T extends Tensor>(shape: number[], seed: number): T {
  return tensor(
    pattern(
      shape.reduce((product, axis) => product * axis, 1),
      { seed },
    ),
    shape,
  ) as T;
}

/** int32 [length] of the shared pattern. */
function ids(length: number, below: number): Tensor1D {
  return tensor(patternIds(length, { seed: 9, below }), [length], 'int32') as Tensor1D;
}

/** An op on rows of one width. */
function rowwise(f: (x: Tensor) => Tensor): (sizes: Sizes) => PreparedOp {
  return (sizes) => {
    const x = input([size(sizes, 'rows'), size(sizes, 'dim')], 0);
    return { inputs: [x], forward: () => f(x) };
  };
}

/** Every op by its name; the peers have the same ones. */
const OPS: Readonly<Record<string, (sizes: Sizes) => PreparedOp>> = {
  attention: (sizes) => {
    const shape = ['batch', 'heads', 'seq', 'headDim'].map((name) => size(sizes, name));
    const [q, k, v] = [0, 1, 2].map((seed) => input<Tensor4D>(shape, seed)) as [Tensor4D, Tensor4D, Tensor4D];
    return { inputs: [q, k, v], forward: () => attend(q, k, v, { causal: true }) };
  },
  linearGelu: (sizes) => {
    const [rows, inDim, outDim] = ['rows', 'inDim', 'outDim'].map((name) => size(sizes, name)) as [
      number,
      number,
      number,
    ];
    const x = input<Tensor2D>([rows, inDim], 0);
    const weight = input<Tensor2D>([outDim, inDim], 1);
    const bias = input<Tensor1D>([outDim], 2);
    return { inputs: [x, weight, bias], forward: () => linear(x, weight, { bias, activation: 'geluTanh' }) };
  },
  layerNorm: (sizes) => {
    const dim = size(sizes, 'dim');
    const x = input<Tensor2D>([size(sizes, 'rows'), dim], 0);
    const [weight, bias] = [input<Tensor1D>([dim], 1), input<Tensor1D>([dim], 2)];
    return { inputs: [x, weight, bias], forward: () => layerNorm(x, { weight, bias }) };
  },
  rmsNorm: (sizes) => {
    const dim = size(sizes, 'dim');
    const x = input<Tensor2D>([size(sizes, 'rows'), dim], 0);
    const weight = input<Tensor1D>([dim], 1);
    return { inputs: [x, weight], forward: () => rmsNorm(x, { weight, epsilon: 1e-6 }) };
  },
  gelu: rowwise(gelu),
  geluTanh: rowwise(geluTanh),
  silu: rowwise(silu),
  softmax: rowwise((x) => softmax(x)),
  sum: rowwise((x) => sum(x, 0)),
  crossEntropy: (sizes) => {
    const [rows, classes] = [size(sizes, 'rows'), size(sizes, 'classes')];
    const logits = input<Tensor2D>([rows, classes], 0);
    const labels = ids(rows, classes);
    return { inputs: [logits], forward: () => crossEntropy(logits, labels) };
  },
  linearCrossEntropy: (sizes) => {
    const [rows, dim, classes] = ['rows', 'dim', 'classes'].map((name) => size(sizes, name)) as [
      number,
      number,
      number,
    ];
    const x = input<Tensor2D>([rows, dim], 0);
    const weight = input<Tensor2D>([classes, dim], 1);
    const labels = ids(rows, classes);
    return { inputs: [x, weight], forward: () => linearCrossEntropy(x, weight, { labels }) };
  },
  embedding: (sizes) => {
    const weight = input<Tensor2D>([size(sizes, 'vocab'), size(sizes, 'dim')], 0);
    const places = ids(size(sizes, 'rows'), size(sizes, 'vocab'));
    return { inputs: [weight], forward: () => embedding(weight, places) };
  },
  dropout: (sizes) => {
    const x = input<Tensor2D>([size(sizes, 'rows'), size(sizes, 'dim')], 0);
    return { inputs: [x], random: true, forward: () => withDropout({ seed: 1, step: 1 }, () => dropout(x, 0.1)) };
  },
  addBias: (sizes) => {
    const x = input<Tensor2D>([size(sizes, 'rows'), size(sizes, 'dim')], 0);
    const bias = input<Tensor1D>([size(sizes, 'dim')], 1);
    return { inputs: [x, bias], forward: () => add(x, bias) };
  },
  splitHeads: (sizes) => {
    const shape = ['batch', 'seq', 'heads', 'headDim'].map((name) => size(sizes, name));
    const x = input<Tensor4D>(shape, 0);
    return { inputs: [x], forward: () => transpose(x, [0, 2, 1, 3]) };
  },
  conv2d: (sizes) => {
    const [batch, side, channels, filters] = ['batch', 'side', 'channels', 'filters'].map((name) =>
      size(sizes, name),
    ) as [number, number, number, number];
    const x = input<Tensor4D>([batch, side, side, channels], 0);
    const kernel = input<Tensor4D>([3, 3, channels, filters], 1);
    return { inputs: [x, kernel], forward: () => conv2d(x, kernel, 1, 'same') };
  },
  maxPool: (sizes) => {
    const [batch, side, channels] = ['batch', 'side', 'channels'].map((name) => size(sizes, name)) as [
      number,
      number,
      number,
    ];
    const x = input<Tensor4D>([batch, side, side, channels], 0);
    return { inputs: [x], forward: () => maxPool(x, 2, 2, 'valid') };
  },
  globalNorm: (sizes) => {
    const tensors = Array.from({ length: size(sizes, 'tensors') }, (_, i) => input([size(sizes, 'size')], i));
    return { inputs: tensors, forward: () => globalNorm(tensors) };
  },
  adamW: (sizes) => {
    const shape = [size(sizes, 'size')];
    const slots = Array.from({ length: size(sizes, 'tensors') }, (_, i) => ({
      parameter: variable(input(shape, 2 * i)),
      gradient: input(shape, 2 * i + 1),
      firstMoment: variable(zeros(shape)),
      secondMoment: variable(zeros(shape)),
      weightDecay: 0.1,
    }));
    let step = 0;
    const numbers = { learningRate: 1e-3, beta1: 0.9, beta2: 0.99, epsilon: 1e-8 };
    const forward = (): Tensor => {
      adamWStep(slots, { ...numbers, step: ++step, gradientScale: scalar(1) });
      return (slots[0] as (typeof slots)[number]).parameter.clone();
    };
    const inputs = slots.flatMap(({ parameter, gradient, firstMoment, secondMoment }) => [
      parameter,
      gradient,
      firstMoment,
      secondMoment,
    ]);
    return { inputs, forward };
  },
};

/** An op, alone or with its gradients. */
export function prepareOp({ op, sizes, backward }: OpTask): TimedTask {
  const create = OPS[op];
  if (!create) throw new RangeError(`there is no op ${op}`);
  const { inputs, forward, random = false } = create(sizes);
  const first = tidy(forward);
  const outputGradient = backward ? input(first.shape, 7) : undefined;
  const compute = (): Tensor[] => {
    if (!outputGradient) return [tidy(forward)];
    const { value, gradients } = valueAndGradients(forward, inputs, { outputGradient });
    return [value, ...gradients];
  };
  const outputs = outputGradient ? compute() : [first.clone()];
  const results = random ? [] : outputs.flatMap((output) => digest(output.dataSync()));
  for (const output of [first, ...outputs]) output.dispose();
  return {
    results,
    step: () => {
      const computed = compute();
      waitFor(computed.at(-1) as Tensor);
      for (const output of computed) output.dispose();
    },
    [Symbol.dispose]: () =>
      [...inputs, ...(outputGradient ? [outputGradient] : [])].forEach((tensor) => tensor.dispose()),
  };
}
