import { shiftRight } from '@formers/nn';
import { Marian, Transformer } from '@formers/transformer';
import { cast, equal, fill, notEqual, type Tensor, type Tensor2D, where } from '@tensorflow/tfjs-core';

import type { ModelAdapter, NamedTensors } from './adapter.ts';

/** `torch.nn.Transformer` between embeddings and a generator: masks and targets follow from the padding. */
const torchTransformer: ModelAdapter<Transformer> = {
  inputs: ['src', 'tgt', 'labels'],
  load: (folder) => Transformer.fromPretrained(folder),
  run: (model, inputs) => {
    const { ids, decoderIds, ...masks } = torchCall(model, inputs);
    const encoded = model.encode(ids, masks);
    return {
      memory: encoded,
      decoder_output: model.decoderStates(decoderIds, { encoded, ...masks }),
      logits: model.call(ids, { decoderIds, ...masks }),
    };
  },
  loss: (model, inputs) => {
    const labels = inputs['labels'] as Tensor2D;
    const [batch, seq] = labels.shape;
    const ignored = fill([batch, seq], -100, 'int32');
    const targets = where(equal(labels, model.config.padTokenId), ignored, labels) as Tensor2D;
    const { ids, ...call } = torchCall(model, inputs);
    return model.loss(ids, { targets, ...call });
  },
};

function torchCall(
  { config: { padTokenId } }: Transformer,
  inputs: NamedTensors,
): { ids: Tensor2D; decoderIds: Tensor2D; attentionMask: Tensor2D; decoderAttentionMask: Tensor2D } {
  const [ids, decoderIds] = [inputs['src'] as Tensor2D, inputs['tgt'] as Tensor2D];
  const mask = (tokens: Tensor2D): Tensor2D => cast(notEqual(tokens, padTokenId), 'int32');
  return { ids, decoderIds, attentionMask: mask(ids), decoderAttentionMask: mask(decoderIds) };
}

const marian: ModelAdapter<Marian> = {
  isDecoder: true,
  inputs: ['input_ids', 'attention_mask', 'decoder_input_ids', 'decoder_attention_mask', 'labels'],
  load: (folder) => Marian.fromPretrained(folder),
  run: (model, inputs) => {
    const masks = marianMasks(inputs);
    const encoded = model.encode(inputs['input_ids'] as Tensor2D, masks);
    return {
      encoder_last_hidden_state: encoded,
      logits: model.decode(marianTarget(model, inputs), { encoded, ...masks }),
    };
  },
  loss: (model, inputs) => {
    const decoderIds = inputs['decoder_input_ids'] as Tensor2D | undefined;
    return model.loss(inputs['input_ids'] as Tensor2D, {
      targets: inputs['labels'] as Tensor2D,
      ...(decoderIds && { decoderIds }),
      ...marianMasks(inputs),
    });
  },
};

function marianMasks(inputs: NamedTensors): { attentionMask?: Tensor2D; decoderAttentionMask?: Tensor2D } {
  const { attention_mask: attentionMask, decoder_attention_mask: decoderAttentionMask } = inputs;
  return {
    ...(attentionMask && { attentionMask: attentionMask as Tensor2D }),
    ...(decoderAttentionMask && { decoderAttentionMask: decoderAttentionMask as Tensor2D }),
  };
}

/** What the decoder reads: as given, else the labels shifted right. */
function marianTarget(
  { config }: Marian,
  { decoder_input_ids: given, labels }: Readonly<Record<string, Tensor>>,
): Tensor2D {
  const { decoderStartTokenId: startTokenId, padTokenId } = config;
  return (given ?? shiftRight(labels as Tensor2D, { startTokenId, padTokenId })) as Tensor2D;
}

/** The original Transformer: PyTorch's and Marian's. */
export const TRANSFORMER_ADAPTERS: readonly [string, ModelAdapter][] = [
  ['torch.nn.Transformer', torchTransformer as ModelAdapter],
  ['MarianMTModel', marian as ModelAdapter],
];
