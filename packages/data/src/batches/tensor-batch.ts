import type { Tensor } from '@tensorflow/tfjs-core';

/** What every batch knows beside its tensors. */
export interface BatchFacts {
  /** Number of the batch, from 0. */
  readonly step: number;
  /** How many targets count. */
  readonly tokens: number;
}

/** Tensors by name that are freed together when the batch is disposed. */
export type TensorBatch<Tensors> = Readonly<Tensors> & BatchFacts & Disposable & { dispose(): void };

/** A batch of these tensors, which it owns from now on. Disposing it twice is safe. */
export function tensorBatch<Tensors extends { readonly [Name in keyof Tensors]: Tensor }>(
  tensors: Tensors,
  { step, tokens }: BatchFacts,
): TensorBatch<Tensors> {
  const dispose = (): void => {
    for (const tensor of Object.values<Tensor>(tensors)) tensor.dispose();
  };
  return { ...tensors, step, tokens, dispose, [Symbol.dispose]: dispose };
}
