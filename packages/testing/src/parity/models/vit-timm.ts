import { capture } from '@formers/backend';
import { TimmViT } from '@formers/vit';
import { dispose, slice, type Tensor, type Tensor1D, type Tensor4D } from '@tensorflow/tfjs-core';

import type { ModelAdapter } from './adapter.ts';

const model: ModelAdapter<TimmViT> = {
  inputs: ['pixel_values', 'labels'],
  load: (folder) => TimmViT.fromPretrained(folder),
  run: (vit, inputs) => {
    const images = inputs['pixel_values'] as Tensor4D;
    const { value: features, hiddenStates } = capture(() => vit.encoder.call(images), ['hiddenStates']);
    const { classToken, numRegisters } = vit.config;
    const numPrefixTokens = Number(classToken) + numRegisters;
    const patchTokens = hiddenStates
      .slice(1)
      .map((state, i): [string, Tensor] => [`block_patch_tokens.${i}`, slice(state, [0, numPrefixTokens, 0])]);
    dispose(hiddenStates);
    return {
      logits: vit.call(images),
      forward_features: features,
      pre_logits: vit.pool(features),
      ...Object.fromEntries(patchTokens),
    };
  },
  loss: (vit, inputs) => vit.loss(inputs['pixel_values'] as Tensor4D, { labels: inputs['labels'] as Tensor1D }),
};

/** timm's Vision Transformer. */
export const TIMM_ADAPTERS: readonly [string, ModelAdapter][] = [['timm.VisionTransformer', model as ModelAdapter]];
