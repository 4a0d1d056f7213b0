import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../../backend.ts';

/** Flat copies of a step's gradients, by the values of its `gradientScale`: the update that follows needs them too. */
const kept = new WeakMap<object, { readonly gradients: readonly object[]; readonly flats: readonly TensorInfo[] }>();

/** Keeps flat copies of gradients as long as the values of a tensor live. */
export function keepFlat(
  backend: FormersWebGPUBackend,
  { gradients, flats, until }: { gradients: readonly TensorInfo[]; flats: readonly TensorInfo[]; until: TensorInfo },
): void {
  backend.attach(until, Object.fromEntries(flats.map((flat, i) => [`flat${i}`, flat])));
  kept.set(until.dataId, { gradients: gradients.map(({ dataId }) => dataId), flats });
}

/** The copies that were kept with a tensor, if they are of the same gradients in the same order. */
export function keptFlat(gradients: readonly TensorInfo[], { dataId }: TensorInfo): readonly TensorInfo[] | undefined {
  const found = kept.get(dataId);
  const isSame =
    found?.gradients.length === gradients.length &&
    gradients.every((tensor, i) => tensor.dataId === found.gradients[i]);
  return isSame ? found.flats : undefined;
}
