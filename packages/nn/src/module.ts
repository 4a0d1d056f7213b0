import {
  clone,
  type Rank,
  type ShapeMap,
  Tensor,
  type TensorContainer,
  tensor,
  tidy,
  Variable,
  variable,
} from '@tensorflow/tfjs-core';
import { ConfigError, type RandomStream } from '@formers/backend';

import type { Initializer } from './initializers.ts';

/**
 * A part of a model: owns parameters and other modules as visible fields, and computes an output from its inputs.
 *
 * Write `protected override forward`, call `.call`. Parameters are found by walking the fields: a field that is a variable, a module, or an array of
 * modules belongs to the model; what doesn't is `#private`.
 *
 * @example
 * class Scale extends Module<[x: Tensor], Tensor> {
 *   readonly factor = parameter([1], { init: ones, random: null });
 *   protected override forward(x: Tensor): Tensor { return mul(x, this.factor); }
 * }
 */
export abstract class Module<Inputs extends unknown[], Output> implements Disposable {
  /** Borrows its inputs; what it returns is the caller's. Intermediate tensors are freed by {@link call}. */
  protected abstract forward(...inputs: Inputs): Output;

  /** Runs the module. Frees everything on the way but the output. */
  call(...inputs: Inputs): Output {
    return tidy(() => owned(this.forward(...inputs), inputs) as TensorContainer) as Output;
  }

  /** All parameters by path, such as `layers.0.attention.query.weight`; a shared one appears once, under its first path. */
  namedParameters(): Map<string, Variable> {
    const byParameter = new Map<Variable, string>();
    for (const [path, value] of walk(this, ''))
      if (value instanceof Variable && !byParameter.has(value)) byParameter.set(value, path);
    return new Map([...byParameter].map(([value, path]) => [path, value]));
  }

  /** All parameters, each once. */
  parameters(): Variable[] {
    return [...this.namedParameters().values()];
  }

  /** This module under the empty path, and all modules in it by path. */
  namedModules(): Map<string, AnyModule> {
    const modules = new Map<string, AnyModule>([['', this]]);
    for (const [path, value] of walk(this, '')) if (value instanceof Module) modules.set(path, value);
    return modules;
  }

  /** How many numbers the parameters hold together. */
  get numParameters(): number {
    return this.parameters().reduce((total, { size }) => total + size, 0);
  }

  /** Frees all parameters. Safe to call twice. */
  dispose(): void {
    for (const parameter of this.parameters()) if (!parameter.isDisposed) parameter.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** A module of whatever inputs and outputs. */
// oxlint-disable-next-line typescript/no-explicit-any -- inputs are contravariant: no other type takes every module
export type AnyModule = Module<any, unknown>;

/** A trainable variable of a shape, with its first values. */
export function parameter<R extends Rank>(
  shape: ShapeMap[R],
  { init, random }: { init: Initializer; random: RandomStream | null },
): Variable<R> {
  const initial = tensor(init(shape, random), shape) as Tensor<R>;
  try {
    return variable(initial);
  } finally {
    initial.dispose(); // the variable holds the data on
  }
}

/** What `forward` made; another handle to it where it is an input or a parameter, which the caller must not free. */
function owned(output: unknown, inputs: readonly unknown[]): unknown {
  return output instanceof Tensor && (output instanceof Variable || inputs.includes(output)) ? clone(output) : output;
}

/** Everything that belongs to a module, in the order of the fields. */
function* walk(
  module: AnyModule,
  prefix: string,
  owners: readonly AnyModule[] = [],
): Generator<[path: string, value: AnyModule | Variable]> {
  for (const [name, field] of Object.entries(module) as [string, unknown][]) {
    const values: [string, unknown][] = Array.isArray(field)
      ? field.map((item, i) => [`${name}.${i}`, item as unknown])
      : [[name, field]];
    for (const [path, value] of values) {
      if (value instanceof Variable) yield [prefix + path, value];
      else if (value instanceof Module) {
        if (value === module || owners.includes(value)) {
          throw new ConfigError(
            `${prefix}${path} is a module that it belongs to itself; make what points back #private`,
          );
        }
        yield [prefix + path, value];
        yield* walk(value, `${prefix}${path}.`, [...owners, module]);
      } else if (hidesModules(value)) {
        throw new ConfigError(
          `${prefix}${path} holds modules or parameters that are not found there: only fields and arrays of them are; make it #private if they belong to something else`,
        );
      }
    }
  }
}

/** Whether a plain object, a Map or an inner array has modules or parameters in it, which nobody would train, save or free. */
function hidesModules(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Tensor) return false;
  const isPlain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  const inner =
    value instanceof Map || value instanceof Set ? [...value.values()] : isPlain ? Object.values(value) : [];
  return inner.some((item) => item instanceof Module || item instanceof Variable);
}
