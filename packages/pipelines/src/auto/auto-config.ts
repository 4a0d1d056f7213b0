import { ConfigError } from '@formers/backend';
import type { BARTConfig } from '@formers/bart';
import type { BertConfig, DistilBertConfig, RobertaConfig } from '@formers/bert';
import type { FolderLocation, JsonObject, OpenFolderOptions } from '@formers/checkpoints';
import type { GPT1Config, GPTConfig, GPTNeoConfig } from '@formers/gpt';
import type { T5Config } from '@formers/t5';
import type { MarianConfig, TransformerConfig } from '@formers/transformer';
import type { TimmViTConfig, ViTConfig, ViTMAEConfig } from '@formers/vit';

import { knownType } from './auto-model.ts';
import { openModelFolder } from './model-folder.ts';

/** A config of any architecture. */
export type AnyConfig =
  | BARTConfig
  | BertConfig
  | DistilBertConfig
  | GPT1Config
  | GPTConfig
  | GPTNeoConfig
  | MarianConfig
  | RobertaConfig
  | T5Config
  | TimmViTConfig
  | TransformerConfig
  | ViTConfig
  | ViTMAEConfig;

/** What a config.json says. */
export interface FoundConfig {
  /** `model_type`; `timm_wrapper` for timm's folders and `torch.nn.Transformer` for its state dicts, which have none. */
  readonly modelType: string;
  /** Class names of what was saved. */
  readonly architectures: readonly string[];
  /** As the models of this project take it. */
  readonly config: AnyConfig;
  /** As it stands in the file. */
  readonly json: JsonObject;
}

const CONFIGS: Readonly<Record<string, () => Promise<(json: JsonObject) => AnyConfig>>> = {
  bart: async () => (await import('@formers/bart')).bartConfigFromHuggingFace,
  bert: async () => (await import('@formers/bert')).bertConfigFromHuggingFace,
  deit: async () => (await import('@formers/vit')).vitConfigFromHuggingFace,
  distilbert: async () => (await import('@formers/bert')).distilBertConfigFromHuggingFace,
  gpt2: async () => (await import('@formers/gpt')).gptConfigFromHuggingFace,
  gpt_neo: async () => (await import('@formers/gpt')).gptNeoConfigFromHuggingFace,
  marian: async () => (await import('@formers/transformer')).marianConfigFromHuggingFace,
  'openai-gpt': async () => (await import('@formers/gpt')).gpt1ConfigFromHuggingFace,
  roberta: async () => (await import('@formers/bert')).robertaConfigFromHuggingFace,
  t5: async () => (await import('@formers/t5')).t5ConfigFromHuggingFace,
  timm_wrapper: async () => (await import('@formers/vit')).timmViTConfigFromJson,
  'torch.nn.Transformer': async () => (await import('@formers/transformer')).transformerConfigFromTorch,
  vit: async () => (await import('@formers/vit')).vitConfigFromHuggingFace,
  vit_mae: async () => (await import('@formers/vit')).vitMAEConfigFromHuggingFace,
};

/** Reads the config.json of any architecture. */
export const AutoConfig: {
  /** The values of `model_type` that are known. */
  readonly modelTypes: readonly string[];
  /** @throws `ConfigError` for a `model_type` or values that no model can be built from. */
  fromPretrained(location: FolderLocation, options?: OpenFolderOptions): Promise<FoundConfig>;
} = {
  modelTypes: Object.keys(CONFIGS),
  fromPretrained: async (location, options = {}) => {
    const opened = await openModelFolder(location, { options, where: 'AutoConfig' });
    const parse = await knownType(opened, { name: 'AutoConfig', types: CONFIGS })();
    const { modelType, architectures, config: json } = opened;
    try {
      return { modelType, architectures, config: parse(json), json };
    } catch (cause) {
      if (!ConfigError.isInstance(cause)) throw cause;
      throw new ConfigError(`${opened.folder.location}: config.json: ${cause.message}`, { cause });
    }
  },
};
