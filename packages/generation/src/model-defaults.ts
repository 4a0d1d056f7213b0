import { GenerationError } from './errors.ts';
import type { GenerationConfig } from './generation-config.ts';
import type { LanguageModel } from './model.ts';
import { parseGenerationConfig } from './parse-generation-config.ts';

/** The defaults that a model brings along: set by the program, or from the `generation_config.json` that lay beside its weights. */
export function modelDefaults({ generationConfig, origin }: LanguageModel): GenerationConfig {
  if (generationConfig) return generationConfig;
  const bytes = origin?.generationConfig;
  return bytes ? parseGenerationConfig(parseJson(new TextDecoder().decode(bytes))) : {};
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new GenerationError(`generation_config.json: ${(error as Error).message}`);
  }
}
