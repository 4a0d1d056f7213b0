import { type Activation, ConfigError } from '@formers/backend';

/** Hugging Face's names of activations; the first one of each is the one we write. */
const ACTIVATIONS: ReadonlyMap<string, Activation> = new Map([
  ['gelu', 'gelu'],
  ['gelu_python', 'gelu'],
  ['gelu_new', 'geluTanh'],
  ['gelu_pytorch_tanh', 'geluTanh'],
  ['gelu_accurate', 'geluTanh'],
  ['gelu_fast', 'geluTanh'],
  ['gelu_python_tanh', 'geluTanh'],
  ['leaky_relu', 'leakyRelu'],
  ['linear', 'identity'],
  ['mish', 'mish'],
  ['quick_gelu', 'quickGelu'],
  ['relu', 'relu'],
  ['relu2', 'reluSquared'],
  ['relu6', 'relu6'],
  ['sigmoid', 'sigmoid'],
  ['silu', 'silu'],
  ['swish', 'silu'],
  ['tanh', 'tanh'],
]);

/**
 * The activation of a Hugging Face config.
 *
 * @param key Where it stands in config.json, for messages.
 * @throws {@link ConfigError} for a name that isn't known.
 */
export function activationFromHuggingFace(name: string, key = 'the activation'): Activation {
  const activation = ACTIVATIONS.get(name);
  if (!activation)
    throw new ConfigError(
      `config.json: ${key} must be one of ${[...ACTIVATIONS.keys()].join(', ')}, got ${JSON.stringify(name)}`,
    );
  return activation;
}

/** The name that Hugging Face configs have for an activation. */
export function activationToHuggingFace(activation: Activation): string {
  return [...ACTIVATIONS].find(([, known]) => known === activation)?.[0] ?? activation;
}
