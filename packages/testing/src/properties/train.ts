import { adamWStep, globalNorm, gradientScale, valueAndGradients } from '@formers/backend';
import type { AnyModule } from '@formers/nn';
import { dispose, type Scalar, type Tensor, variable, zerosLike } from '@tensorflow/tfjs-core';

/** How {@link train} trains. */
export interface TrainOptions {
  steps: number;
  learningRate: number;
  /** Ends the training when it returns true. */
  until?: (loss: number) => boolean;
}

/** The shortest training loop there is, AdamW without decay: the losses step by step. */
export function train(
  module: AnyModule,
  loss: (step: number) => Scalar,
  { steps, learningRate, until = () => false }: TrainOptions,
): number[] {
  const parameters = module.parameters();
  const states = parameters.map((parameter) => ({
    parameter,
    firstMoment: variable(zerosLike(parameter)),
    secondMoment: variable(zerosLike(parameter)),
    weightDecay: 0,
  }));
  const losses: number[] = [];
  try {
    for (let step = 1; step <= steps; step++) {
      const { value, gradients } = valueAndGradients(() => loss(step), parameters);
      const norm = globalNorm(gradients);
      const scale = gradientScale(norm, 1);
      const slots = states.map((state, i) => ({ ...state, gradient: gradients[i] as Tensor }));
      adamWStep(slots, { learningRate, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, step, gradientScale: scale });
      losses.push(value.dataSync()[0] as number);
      dispose([value, norm, scale, ...gradients]);
      if (until(losses.at(-1) as number)) break;
    }
    return losses;
  } finally {
    for (const { firstMoment, secondMoment } of states) dispose([firstMoment, secondMoment]);
  }
}
