import { ConfigError } from '@formers/backend';

import { checkPatterns, type Patterns } from './patterns.ts';
import type { ModuleNames } from './targets.ts';

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
  /** Other ranks of some maps: by regular expressions for Hugging Face's names or their ends, of which the first that matches counts. */
  rankPattern?: Patterns;
  /** Other alphas of some maps. */
  alphaPattern?: Patterns;
  /** Which biases are trained and saved, too: none (default), all of the model, or those of the adapted maps. */
  bias?: 'none' | 'all' | 'lora_only';
  /** Multiplies by `alpha / √rank` instead (Kalajdzievski 2023); default false. */
  rsLoRA?: boolean;
  /** Modules that are trained and saved whole, such as a new head; ends of paths, ours or Hugging Face's. */
  modulesToSave?: readonly string[];
  /** Of the first factors; default 0. */
  seed?: number;
  /** Whose names of modules the files have: those of Hugging Face's classes (default), or those of checkpoints, which ViTs' classes had before transformers 5. */
  moduleNames?: ModuleNames;
  /** Name or folder of the model that it is for, for the file. */
  base?: string;
}

/** The options with their defaults. @throws {@link ConfigError} for numbers out of range. */
export function loraNumbers({
  rank = 8,
  alpha = 8,
  dropout = 0,
  rankPattern = {},
  alphaPattern = {},
  bias = 'none',
  moduleNames = 'class',
  rsLoRA = false,
  modulesToSave = [],
  seed = 0,
  ...options
}: LoRAOptions): Required<Omit<LoRAOptions, 'base'>> & Pick<LoRAOptions, 'base'> {
  if (!Number.isInteger(rank) || rank < 1)
    throw new ConfigError(`LoRA: rank must be a whole number from 1, got ${rank}`);
  if (!(alpha >= 0 && alpha < Infinity)) throw new ConfigError(`LoRA: alpha must be a number from 0, got ${alpha}`);
  if (!(dropout >= 0 && dropout < 1)) throw new ConfigError(`LoRA: dropout must be in [0, 1), got ${dropout}`);
  checkPatterns('rankPattern', rankPattern);
  checkPatterns('alphaPattern', alphaPattern);
  if (!['none', 'all', 'lora_only'].includes(bias))
    throw new ConfigError(`LoRA: bias must be "none", "all" or "lora_only", got ${JSON.stringify(bias)}`);
  return {
    ...options,
    rank,
    alpha,
    dropout,
    rankPattern,
    alphaPattern,
    bias,
    moduleNames,
    rsLoRA,
    modulesToSave,
    seed,
  };
}
