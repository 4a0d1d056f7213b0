import type { PretrainedModel } from '@formers/nn';
import type { Scalar, Tensor } from '@tensorflow/tfjs-core';

/** Tensors by the names that Hugging Face gives arguments and outputs. */
export type NamedTensors = Readonly<Record<string, Tensor>>;

/** Arguments of the forward call that are no tensors, by Hugging Face's names. */
export type ForwardArguments = Readonly<Record<string, unknown>>;

/** Runs one Hugging Face model class with our models. */
export interface ModelAdapter<
  Model extends PretrainedModel<never, unknown, object> = PretrainedModel<never, unknown, object>,
> {
  /** Whether it is a decoder that `generate` takes. */
  readonly isDecoder?: boolean;
  /** Names of the tensor arguments it understands. */
  readonly inputs: readonly string[];
  /** Names of the other arguments it understands. */
  readonly forwardArguments?: readonly string[];
  load(folder: string): Promise<Model>;
  /** The outputs by name (`logits`, `last_hidden_state`, ...), `loss` included where there are labels. Hidden states and attentions are captured outside. */
  run(model: Model, inputs: NamedTensors, forwardArguments: ForwardArguments): Record<string, Tensor>;
  /** The training loss alone, by the way that training takes. */
  loss(model: Model, inputs: NamedTensors, forwardArguments?: ForwardArguments): Scalar;
}
