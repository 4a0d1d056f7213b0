import { ConfigError } from '@formers/backend';
import {
  type FolderLocation,
  type FolderSource,
  isJsonObject,
  type JsonObject,
  openFolder,
  type OpenFolderOptions,
  readJson,
} from '@formers/checkpoints';

/** The `model_type` that timm's folders are given here, which have none of their own. */
const TIMM = 'timm_wrapper';

/** That of folders with the state dict of PyTorch's own Transformer, which have none either. */
const TORCH = 'torch.nn.Transformer';

/** A folder of a model, and what its config.json says of the architecture. */
export interface ModelFolder {
  readonly folder: FolderSource;
  readonly config: JsonObject;
  /** `model_type`; that of Hugging Face's wrapper for timm's folders, `torch.nn.Transformer` for its state dicts. */
  readonly modelType: string;
  /** Class names of what was saved; empty where the file has none. */
  readonly architectures: readonly string[];
}

/**
 * Opens a folder and reads what it holds a model of.
 *
 * @throws {@link ConfigError} for a config.json without `model_type`; a `CheckpointError` where there is none.
 */
export async function openModelFolder(
  location: FolderLocation,
  { options, where }: { options: OpenFolderOptions; where: string },
): Promise<ModelFolder> {
  const folder = await openFolder(location, options);
  const config = await readJson(folder, 'config.json');
  const modelType =
    config['model_type'] ?? (isTimm(config) ? TIMM : config['architecture'] === TORCH ? TORCH : undefined);
  if (typeof modelType !== 'string')
    throw new ConfigError(
      `${where}: ${folder.location}: config.json must have a model_type, got ${JSON.stringify(modelType)}`,
    );
  const architectures = Array.isArray(config['architectures'])
    ? config['architectures'].filter((name) => typeof name === 'string')
    : [];
  return { folder, config, modelType, architectures };
}

/** timm's own config.json: of the hub, or the arguments of `timm.VisionTransformer`. */
function isTimm({ architecture, pretrained_cfg: pretrained }: JsonObject): boolean {
  return typeof architecture === 'string' && (isJsonObject(pretrained) || architecture.startsWith('timm.'));
}
