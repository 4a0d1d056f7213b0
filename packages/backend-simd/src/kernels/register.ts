import {
  getKernel,
  getKernelsForBackend,
  type KernelFunc,
  registerKernel,
  unregisterKernel,
} from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';
import { activationKernels } from './activation.ts';
import { adafactorKernels } from './adafactor.ts';
import { attentionKernels } from './attention.ts';
import { comparisonKernels } from './comparison.ts';
import { convolutionKernels } from './convolution.ts';
import { crossEntropyKernels } from './cross-entropy.ts';
import { depthwiseKernels } from './depthwise.ts';
import { dropoutKernels } from './dropout.ts';
import { elementwiseKernels } from './elementwise.ts';
import { embeddingKernels } from './embedding.ts';
import type { KernelTable } from './kernel.ts';
import { linearCrossEntropyKernels } from './linear-cross-entropy.ts';
import { linearKernels } from './linear.ts';
import { matrixKernels } from './matrix.ts';
import { movementKernels } from './movement.ts';
import { normKernels } from './norm.ts';
import { optimizerKernels } from './optimizer.ts';
import { recurrentKernels } from './recurrent.ts';
import { recurrentGradientKernels } from './recurrent-gradient.ts';
import { reduceKernels } from './reduce.ts';
import { rotaryKernels } from './rotary.ts';
import { selectionKernels } from './selection.ts';
import { viewKernels } from './views.ts';
import { writeTokensKernels } from './write-tokens.ts';

const ownKernels: KernelTable = {
  ...activationKernels,
  ...adafactorKernels,
  ...attentionKernels,
  ...comparisonKernels,
  ...convolutionKernels,
  ...crossEntropyKernels,
  ...depthwiseKernels,
  ...dropoutKernels,
  ...elementwiseKernels,
  ...embeddingKernels,
  ...linearCrossEntropyKernels,
  ...linearKernels,
  ...matrixKernels,
  ...movementKernels,
  ...normKernels,
  ...optimizerKernels,
  ...recurrentGradientKernels,
  ...recurrentKernels,
  ...reduceKernels,
  ...rotaryKernels,
  ...selectionKernels,
  ...viewKernels,
  ...writeTokensKernels,
};

/** How often a kernel ran as ours, and as the one of tfjs-backend-cpu. */
export interface KernelUse {
  ours: number;
  inherited: number;
}

/** Registers, under the backend's name, our kernels and for everything else those of tfjs-backend-cpu. Returns a live count of their use. */
export function registerKernels(backendName: string): ReadonlyMap<string, KernelUse> {
  const inherited = new Map(getKernelsForBackend('cpu').map((config) => [config.kernelName, config]));
  const uses = new Map<string, KernelUse>();
  for (const kernelName of new Set([...inherited.keys(), ...Object.keys(ownKernels)])) {
    const own = ownKernels[kernelName];
    const config = inherited.get(kernelName);
    const use: KernelUse = { ours: 0, inherited: 0 };
    uses.set(kernelName, use);
    const kernelFunc: KernelFunc = (call) => {
      const backend = call.backend as SimdBackend;
      const { engine } = backend;
      return engine.atomically(() => {
        const result = own?.({ backend, inputs: call.inputs as never, attributes: (call.attrs ?? {}) as never });
        if (result !== undefined) {
          use.ours++;
          return result;
        }
        use.inherited++;
        if (!config) throw new Error(`formers-simd: ${kernelName} can't take these inputs`);
        return engine.holdFreed(() => config.kernelFunc(call));
      });
    };
    if (getKernel(kernelName, backendName)) unregisterKernel(kernelName, backendName);
    registerKernel({ ...config, kernelName, backendName, kernelFunc });
  }
  return uses;
}
