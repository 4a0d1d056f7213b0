import { ConfigError } from '@formers/backend';
import { normal, parameter } from '@formers/nn';
import { concat, ones, type Rank, type Tensor, type Tensor3D, tile, type Variable, zeros } from '@tensorflow/tfjs-core';

import { type KeysAndValues, MultiHeadAttention, type MultiHeadAttentionConfig } from './multi-head-attention.ts';

/** Options of {@link ExtraKeysAttention}. */
export interface ExtraKeysAttentionConfig extends MultiHeadAttentionConfig {
  /** Whether there is a learned key with its value (`add_bias_kv`). */
  learnedKey?: boolean;
  /** Whether there is a key of zeros whose value is zeros (`add_zero_attn`): a query may attend to nothing. */
  zeroKey?: boolean;
}

/**
 * Multi-head attention with keys that are no tokens, which every query may attend to: `torch.nn.MultiheadAttention` with `add_bias_kv` and `add_zero_attn`.
 * They come after the keys of the context, the learned one first. Not with `causal` or a cache.
 */
export class ExtraKeysAttention extends MultiHeadAttention {
  /** [1, 1, kvDim] */
  readonly learnedKey: Variable<Rank.R3> | undefined;
  /** [1, 1, kvDim] */
  readonly learnedValue: Variable<Rank.R3> | undefined;
  readonly zeroKey: boolean;

  constructor({ learnedKey = false, zeroKey = false, ...config }: ExtraKeysAttentionConfig) {
    if (config.causal)
      throw new ConfigError('ExtraKeysAttention: causal must be false; say by a mask what each query sees');
    super(config);
    const [kvDim] = this.key.weight.shape;
    const start = { init: config.init ?? normal(0.02), random: config.random };
    this.learnedKey = learnedKey ? parameter<Rank.R3>([1, 1, kvDim], start) : undefined;
    this.learnedValue = learnedKey ? parameter<Rank.R3>([1, 1, kvDim], start) : undefined;
    this.zeroKey = zeroKey;
  }

  protected override extend({ k, v, mask, bias }: KeysAndValues): KeysAndValues {
    const [batch, , kvDim] = k.shape;
    const rows = (learned: Variable<Rank.R3> | undefined): Tensor3D[] => [
      ...(learned ? [tile(learned as Tensor3D, [batch, 1, 1])] : []),
      ...(this.zeroKey ? [zeros<Rank.R3>([batch, 1, kvDim])] : []),
    ];
    const extra = rows(this.learnedKey).length;
    return {
      k: concat([k, ...rows(this.learnedKey)], 1), // [batch, keys + extra, kvDim]
      v: concat([v, ...rows(this.learnedValue)], 1), // [batch, keys + extra, kvDim]
      mask: mask && widen(mask, (shape) => ones(shape, 'bool'), { extra, keys: k.shape[1] }),
      bias: bias && widen(bias, (shape) => zeros(shape), { extra, keys: k.shape[1] }),
    };
  }
}

/** A mask or bias with columns for the extra keys: visible, and without a bias. */
function widen(
  masks: Tensor,
  columns: (shape: number[]) => Tensor,
  { extra, keys }: { extra: number; keys: number },
): Tensor {
  const rest = masks.shape.slice(0, -1);
  const whole = masks.shape.at(-1) === keys ? masks : tile(masks, [...rest.map(() => 1), keys]);
  return extra === 0 ? whole : concat([whole, columns([...rest, extra])], -1);
}
