import { mul, registerGradient, Softmax, sub, sum, type Tensor } from '@tensorflow/tfjs-core';

import { hasKernel } from './define-op.ts';
import { tfjsEngine } from './tfjs-engine.ts';

/** Registers the gradient of tfjs's softmax: the kernel `FormersSoftmaxGradient` with inputs `dy` and `y` where the active engine has one, else operations. */
export function registerSoftmaxGradient(): void {
  registerGradient({
    kernelName: Softmax,
    outputsToSave: [true],
    gradFunc: (dy, [y]) => ({ logits: () => softmaxGradient(dy as Tensor, y as Tensor) }),
  });
}

/** tfjs takes softmax along the last axis only. */
function softmaxGradient(dy: Tensor, y: Tensor): Tensor {
  if (hasKernel('FormersSoftmaxGradient'))
    return tfjsEngine().runKernel('FormersSoftmaxGradient', { dy, y }, {}) as Tensor;
  const share = mul(dy, y);
  return sub(share, mul(sum(share, -1, true), y));
}
