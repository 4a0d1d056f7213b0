import { type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';

/** The label of places that don't count, as in PyTorch. */
export const IGNORED_LABEL = -100;

/** Some windows as tensors: what a model reads and what it should say next. Frees both tensors when disposed. */
export class TokenBatch implements Disposable {
  /** Number of the batch, from 0. */
  readonly step: number;
  /** int32 [batch, seq] */
  readonly inputs: Tensor2D;
  /** int32 [batch, seq]: the inputs one place further; -100 where there is nothing to predict. */
  readonly targets: Tensor2D;
  /** How many targets count. */
  readonly tokens: number;

  /**
   * @param ids All tokens.
   * @param options.offsets Where each window starts; it reads up to `seqLen + 1` tokens, fewer where the text ends.
   */
  constructor(
    ids: Int32Array,
    { step, offsets, seqLen }: { step: number; offsets: readonly number[]; seqLen: number },
  ) {
    const shape: [number, number] = [offsets.length, seqLen];
    const inputs = new Int32Array(offsets.length * seqLen);
    const targets = new Int32Array(offsets.length * seqLen).fill(IGNORED_LABEL);
    let tokens = 0;
    offsets.forEach((offset, row) => {
      const length = Math.min(seqLen, ids.length - 1 - offset);
      inputs.set(ids.subarray(offset, offset + length), row * seqLen);
      targets.set(ids.subarray(offset + 1, offset + 1 + length), row * seqLen);
      tokens += length;
    });
    this.step = step;
    this.inputs = tensor2d(inputs, shape, 'int32');
    this.targets = tensor2d(targets, shape, 'int32');
    this.tokens = tokens;
  }

  /** Frees the tensors. Safe to call twice. */
  dispose(): void {
    this.inputs.dispose();
    this.targets.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
