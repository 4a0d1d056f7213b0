import { keep, type Tensor, tidy, type Variable } from '@tensorflow/tfjs-core';

/** A parameter of the model that an adapter trains itself, beside its factors: that of a new head. It has two sets of values, and is one or the other. */
export class SavedParameter {
  readonly path: string;
  /** In Hugging Face's class. */
  readonly name: string;
  readonly isTransposed: boolean;
  readonly variable: Variable;
  /** Other names that Hugging Face's class has it under. */
  readonly aliases: readonly string[];
  /** The values that the variable hasn't now. */
  #other: Tensor;
  #isOwn = false;

  constructor({
    path,
    name,
    isTransposed,
    variable,
    aliases = [],
  }: Pick<SavedParameter, 'path' | 'name' | 'isTransposed' | 'variable'> & { aliases?: readonly string[] }) {
    this.path = path;
    this.name = name;
    this.isTransposed = isTransposed;
    this.variable = variable;
    this.aliases = aliases;
    this.#other = copyOf(variable);
  }

  /** The model's own value, which the adapter's takes the place of. */
  get original(): Tensor {
    return this.#isOwn ? this.#other : this.variable;
  }

  /** The adapter's value. */
  get own(): Tensor {
    return this.#isOwn ? this.variable : this.#other;
  }

  /** Gives the model the adapter's values, or its own again. */
  use({ own }: { own: boolean }): void {
    if (own === this.#isOwn) return;
    const before = copyOf(this.variable);
    this.variable.assign(this.#other);
    this.#other.dispose();
    this.#other = before;
    this.#isOwn = own;
  }

  /** The model keeps the values that it has. */
  dispose(): void {
    if (!this.#other.isDisposed) this.#other.dispose();
  }
}

function copyOf(variable: Variable): Tensor {
  return tidy(() => keep(variable.clone()));
}
