import { normalValues, type RandomStream, uniformValues } from '@formers/backend';

/**
 * Makes the first values of a parameter.
 *
 * @param shape Of the parameter; for weights [outDim, inDim].
 * @param random Gives one key per parameter; null leaves weights at zero, for models whose weights are loaded.
 */
export type Initializer = (shape: readonly number[], random: RandomStream | null) => Float32Array;

/** All zeros: biases. */
export const zeros: Initializer = (shape) => new Float32Array(sizeOf(shape));

/** All ones: gains of norms. */
export const ones: Initializer = (shape) => new Float32Array(sizeOf(shape)).fill(1);

/** Normal with mean 0. GPT-2 and BERT take a standard deviation of 0.02. */
export function normal(std: number): Initializer {
  return (shape, random) => {
    if (!random) return zeros(shape, null);
    const values = normalValues(random.nextKey(), sizeOf(shape));
    for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) * std;
    return values;
  };
}

/** Uniform in ±1/√inDim: what PyTorch gives `nn.Linear` (Kaiming with a = √5; He et al. 2015). */
export const fanInUniform: Initializer = (shape, random) =>
  uniformWithin(1 / Math.sqrt(shape.at(-1) ?? 1), shape, random);

/** Uniform in ±√(6 / (inDim + outDim)) (Glorot and Bengio 2010, equation 16). */
export const xavierUniform: Initializer = (shape, random) => {
  const [outDim = 1, inDim = 1] = shape;
  return uniformWithin(Math.sqrt(6 / (inDim + outDim)), shape, random);
};

function uniformWithin(bound: number, shape: readonly number[], random: RandomStream | null): Float32Array {
  if (!random) return zeros(shape, null);
  const values = uniformValues(random.nextKey(), sizeOf(shape));
  for (let i = 0; i < values.length; i++) values[i] = (2 * (values[i] as number) - 1) * bound;
  return values;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, axis) => product * axis, 1);
}
