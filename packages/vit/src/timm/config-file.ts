import { ConfigError } from '@formers/backend';
import { type FolderSource, isJsonObject, type JsonObject, parseJsonObject, serializeJson } from '@formers/checkpoints';
import { defaultLabels } from '@formers/nn';

import { ANY_CLIP_VIT, ANY_VIT, isClassName } from './architectures.ts';
import type { TimmViTConfig } from './config.ts';
import { timmArguments, timmViTConfigFromJson } from './hf.ts';
import { TIMM_MODEL_TYPE } from './format.ts';

const NAME = 'config.json';
const MAX_BYTES = 64_000_000;

/** A config.json of timm, which comes out as the same bytes where nothing was changed. */
export class TimmConfigFile {
  readonly bytes: Uint8Array;
  readonly json: JsonObject;

  private constructor(bytes: Uint8Array, json: JsonObject) {
    this.bytes = bytes;
    this.json = json;
  }

  static async read(folder: FolderSource): Promise<TimmConfigFile> {
    const bytes = await folder.read(NAME, { maxBytes: MAX_BYTES });
    const json = parseJsonObject(bytes, { where: `${folder.location}: ${NAME}`, maxBytes: MAX_BYTES });
    return new TimmConfigFile(bytes, json);
  }

  /** What to write for a config that came from a file, or from none. */
  static contentFor(config: TimmViTConfig, file: TimmConfigFile | undefined): Uint8Array | string {
    if (!file) return written(newJson(config));
    const before = timmViTConfigFromJson(file.json);
    if (JSON.stringify(before) === JSON.stringify(config)) return file.bytes;
    if (before.normEpsilon !== config.normEpsilon)
      throw new ConfigError(`TimmViT: normEpsilon must stay ${before.normEpsilon}, which the architecture says`);
    return written(changedJson(file.json, { before, config }), file.json);
  }
}

/** The same folder, with the `model_type` in config.json that timm doesn't write. */
export function withModelType(folder: FolderSource, { json }: TimmConfigFile): FolderSource {
  const named = new TextEncoder().encode(serializeJson({ ...json, model_type: json['model_type'] ?? TIMM_MODEL_TYPE }));
  return {
    location: folder.location,
    has: (name, options) => folder.has(name, options),
    size: (name, options) => folder.size(name, options),
    read: async (name, options) => (name === NAME ? named : folder.read(name, options)),
    readRange: (name, begin, end, options) => folder.readRange(name, begin, end, options),
  };
}

/** An architecture that timm knows, with all arguments: `timm.create_model('local-dir:...', pretrained=True)` opens it. */
function newJson(config: TimmViTConfig): JsonObject {
  const { labels, imageSize, numChannels, normEpsilon, dim } = config;
  if (normEpsilon !== 1e-6 && normEpsilon !== 1e-5)
    throw new ConfigError(`TimmViT: normEpsilon must be 1e-6 or 1e-5 to be saved for timm, got ${normEpsilon}`);
  return {
    architecture: normEpsilon === 1e-6 ? ANY_VIT : ANY_CLIP_VIT,
    num_classes: labels.length,
    num_features: dim,
    ...namesOf(labels),
    model_args: timmArguments(config),
    pretrained_cfg: {
      input_size: [numChannels, ...imageSize],
      fixed_input_size: !config.dynamicImageSize,
      num_classes: labels.length,
      first_conv: 'patch_embed.proj',
      classifier: 'head',
    },
  };
}

/** What the user changed, at its place. */
function changedJson(
  json: JsonObject,
  { before, config }: { before: TimmViTConfig; config: TimmViTConfig },
): JsonObject {
  const old = timmArguments(before);
  const changed = Object.fromEntries(
    Object.entries(timmArguments(config)).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(old[name]),
    ),
  );
  const { label_names: _, label_descriptions: __, ...rest } = json;
  const names = JSON.stringify(before.labels) === JSON.stringify(config.labels) ? {} : namesOf(config.labels);
  const base = 'label_names' in names || before.labels.length !== config.labels.length ? { ...rest, ...names } : json;
  if (isClassName(json['architecture'])) return { ...base, ...changed };
  const args = json['model_args'];
  return {
    ...base,
    num_classes: config.labels.length,
    model_args: { ...(isJsonObject(args) ? args : {}), ...changed },
  };
}

function namesOf(labels: string[]): JsonObject {
  return labels.join() === defaultLabels(labels.length).join() ? {} : { label_names: labels };
}

function written(json: JsonObject, keepSpellingOf?: JsonObject): string {
  return serializeJson(json, { keepSpellingOf, sortKeys: false, finalNewline: false });
}
