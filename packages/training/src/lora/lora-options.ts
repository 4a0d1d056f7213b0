import { ConfigError } from '@formers/backend';

/** Options of `LoRA`. */
export interface LoRAOptions {
  /** Which linear maps change: ends of their paths in our words (`attention.query`) or in Hugging Face's (`q_proj`, `c_attn`). */
  targets: readonly string[];
  /** Default 8. */
  rank?: number;
  /** The change is multiplied by `alpha / rank`; default 8. */
  alpha?: number;
  /** Of what goes into the change; default 0. */
  dropout?: number;
  /** Multiplies by `alpha / √rank` instead (Kalajdzievski 2023); default false. */
  rsLoRA?: boolean;
  /** Modules that are trained and saved whole, such as a new head; ends of paths, ours or Hugging Face's. */
  modulesToSave?: readonly string[];
  /** Of the first factors; default 0. */
  seed?: number;
  /** Name or folder of the model that it is for, for the file. */
  base?: string;
}

/** The options with their defaults. @throws {@link ConfigError} for numbers out of range. */
export function loraNumbers({
  rank = 8,
  alpha = 8,
  dropout = 0,
  rsLoRA = false,
  modulesToSave = [],
  seed = 0,
  ...options
}: LoRAOptions): Required<Omit<LoRAOptions, 'base'>> & Pick<LoRAOptions, 'base'> {
  if (!Number.isInteger(rank) || rank < 1)
    throw new ConfigError(`LoRA: rank must be a whole number from 1, got ${rank}`);
  if (!(alpha >= 0 && alpha < Infinity)) throw new ConfigError(`LoRA: alpha must be a number from 0, got ${alpha}`);
  if (!(dropout >= 0 && dropout < 1)) throw new ConfigError(`LoRA: dropout must be in [0, 1), got ${dropout}`);
  return { ...options, rank, alpha, dropout, rsLoRA, modulesToSave, seed };
}
