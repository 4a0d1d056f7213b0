import { crossEntropy, RandomStream } from '@formers/backend';
import { Dropout, Embedding, Linear, Module } from '@formers/nn';
import type { Scalar, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';

/** A language model of two layers that sees one token at a time: small, with every kind of parameter. */
export class ToyModel extends Module<[ids: Tensor2D], Tensor3D> {
  embedding: Embedding;
  hidden: Linear<Tensor3D>;
  dropout: Dropout<Tensor3D>;
  output: Linear<Tensor3D>;

  constructor({
    vocabSize = 11,
    dim = 6,
    dropout = 0,
    seed = 0,
  }: { vocabSize?: number; dim?: number; dropout?: number; seed?: number } = {}) {
    super();
    const random = new RandomStream(seed, 'init');
    this.embedding = new Embedding({ vocabSize, dim, random });
    this.hidden = new Linear({ inDim: dim, outDim: dim, random });
    this.dropout = new Dropout(dropout);
    this.output = new Linear({ inDim: dim, outDim: vocabSize, random });
  }

  protected override forward(ids: Tensor2D): Tensor3D {
    const hidden = this.hidden.call(this.embedding.call(ids), { activation: 'tanh' }); // [batch, seq, dim]
    return this.output.call(this.dropout.call(hidden)); // [batch, seq, vocab]
  }

  /** Mean over the targets that count. */
  loss({ inputs, targets }: { inputs: Tensor2D; targets: Tensor2D }): Scalar {
    return crossEntropy(this.call(inputs), targets);
  }
}

/** All parameters as plain numbers, to compare bits. */
export function weightsOf(model: Module<never, unknown>): Map<string, Float32Array> {
  return new Map(
    [...model.namedParameters()].map(([path, parameter]) => [path, parameter.dataSync<'float32'>().slice()]),
  );
}
