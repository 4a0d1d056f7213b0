import { checkpoint, ConfigError, isTapeOn } from '@formers/backend';
import { type AnyModule, Linear } from '@formers/nn';
import { Tensor, type Variable } from '@tensorflow/tfjs-core';

/**
 * Gradient checkpointing (Chen et al. 2016) of a model: in training, each of its layers keeps only its inputs, and computes what is in between again when gradients need it. Takes a
 * third more time and much less memory; losses and gradients stay the same.
 *
 * @example
 * using checkpointing = checkpointLayers(model); // until it is disposed
 *
 * @param model Its layers are the modules in fields called `layers`.
 * @throws {@link ConfigError} for a model that has none.
 */
export function checkpointLayers(model: AnyModule): Disposable {
  const layers = [...model.namedModules()]
    .filter(([path]) => /(^|\.)layers\.\d+$/.test(path))
    .map(([, layer]) => layer);
  if (layers.length === 0) throw new ConfigError('checkpointLayers: the model has no layers');
  for (const layer of layers) wrap(layer);
  return {
    [Symbol.dispose]: () => {
      for (const layer of layers) Reflect.deleteProperty(layer, 'call');
    },
  };
}

/** Puts a `call` of its own before that of the layer's class. */
function wrap(layer: AnyModule): void {
  const plain = (...inputs: unknown[]): Tensor =>
    (Object.getPrototypeOf(layer) as AnyModule).call.apply(layer, inputs) as Tensor;
  const value = (...inputs: unknown[]): Tensor =>
    isTapeOn() ? checkpoint(() => plain(...inputs), [...parametersOf(layer), ...tensorsOf(inputs)]) : plain(...inputs);
  Object.defineProperty(layer, 'call', { value, configurable: true, enumerable: false });
}

/** Also those of adapters, which belong to no module. */
function parametersOf(layer: AnyModule): Variable[] {
  const adapters = [...layer.namedModules().values()].flatMap((module) =>
    module instanceof Linear ? (module.adapter?.parameters() ?? []) : [],
  );
  return [...layer.parameters(), ...adapters];
}

/** Tensors among the inputs, and in their options; each once. */
function tensorsOf(inputs: readonly unknown[]): Tensor[] {
  const found = inputs.flatMap((input) =>
    input instanceof Tensor
      ? [input]
      : isOptions(input)
        ? Object.values(input).filter((value) => value instanceof Tensor)
        : [],
  );
  return [...new Set(found)];
}

function isOptions(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
