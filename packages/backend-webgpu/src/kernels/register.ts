import {
  getKernel,
  getKernelsForBackend,
  type KernelFunc,
  registerKernel,
  unregisterKernel,
} from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../backend.ts';
import { activationKernels } from './activation.ts';
import { attentionKernels } from './attention.ts';
import { crossEntropyKernels } from './cross-entropy.ts';
import { dropoutKernels } from './dropout.ts';
import { embeddingKernels } from './embedding.ts';
import { extremeKernels } from './extremes.ts';
import type { KernelTable } from './kernel.ts';
import { linearCrossEntropyKernels } from './linear-cross-entropy.ts';
import { linearKernels } from './linear.ts';
import { matrixKernels } from './matrix.ts';
import { scanKernels } from './scan.ts';
import { trigonometricKernels } from './trigonometry.ts';
import { normKernels } from './norm.ts';
import { recurrentKernels } from './recurrent/forward.ts';
import { recurrentGradientKernels } from './recurrent/gradient.ts';
import { rotaryKernels } from './rotary.ts';
import { softmaxKernels } from './softmax.ts';
import { sumKernels } from './sum.ts';
import { writeTokensKernels } from './write-tokens.ts';
import { optimizerKernels } from './optimizer/optimizer.ts';

const ownKernels: KernelTable = {
  ...activationKernels,
  ...attentionKernels,
  ...dropoutKernels,
  ...embeddingKernels,
  ...crossEntropyKernels,
  ...linearCrossEntropyKernels,
  ...linearKernels,
  ...extremeKernels,
  ...matrixKernels,
  ...scanKernels,
  ...trigonometricKernels,
  ...normKernels,
  ...recurrentKernels,
  ...recurrentGradientKernels,
  ...rotaryKernels,
  ...softmaxKernels,
  ...sumKernels,
  ...writeTokensKernels,
  ...optimizerKernels,
};

/** Registers, under the backend's name, our kernels and for everything else those of tfjs-backend-webgpu. */
export function registerKernels(backendName: string): void {
  const inherited = new Map(getKernelsForBackend('webgpu').map((config) => [config.kernelName, config]));
  for (const kernelName of new Set([...inherited.keys(), ...Object.keys(ownKernels)])) {
    const own = ownKernels[kernelName];
    const config = inherited.get(kernelName);
    const kernelFunc: KernelFunc = (call) => {
      const backend = call.backend as FormersWebGPUBackend;
      const result = own?.({ backend, inputs: call.inputs as never, attributes: (call.attrs ?? {}) as never });
      if (result !== undefined) return result;
      if (!config) throw new Error(`formers-webgpu: ${kernelName} can't take these inputs`);
      return config.kernelFunc(call);
    };
    if (getKernel(kernelName, backendName)) unregisterKernel(kernelName, backendName);
    registerKernel({ ...config, kernelName, backendName, kernelFunc });
  }
}
