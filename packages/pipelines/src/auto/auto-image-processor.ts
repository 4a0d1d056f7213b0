import { ConfigError } from '@formers/backend';
import {
  type FolderLocation,
  isJsonObject,
  type JsonObject,
  openFolder,
  type OpenFolderOptions,
  readJson,
} from '@formers/checkpoints';
import type { ImageProcessor, ImageProcessorOptions, ProcessorJson } from '@formers/images';

/** Opens the image processor of a folder. */
export const AutoImageProcessor: {
  /**
   * Reads preprocessor_config.json; of timm's folders, which have none, the `pretrained_cfg` of config.json.
   *
   * @throws a `CheckpointError` where there is neither, a `ConfigError` for a class that isn't here.
   */
  fromPretrained(
    location: FolderLocation,
    options?: ImageProcessorOptions & OpenFolderOptions,
  ): Promise<ImageProcessor>;
} = {
  fromPretrained: async (location, options = {}) => {
    const { ImageProcessor } = await import('@formers/images');
    const folder = await openFolder(location, options);
    if (!(await folder.has('preprocessor_config.json')) && (await folder.has('config.json'))) {
      const { pretrained_cfg: pretrained } = await readJson(folder, 'config.json');
      if (isJsonObject(pretrained)) return ImageProcessor.fromConfig(timmProcessor(pretrained), options);
    }
    return ImageProcessor.fromPretrained(folder, options);
  },
};

const RESAMPLES: readonly string[] = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'];

/**
 * timm's evaluation transform: the shorter side to the input size over `crop_pct`, then the middle. Where an odd number of pixels is cut, the middle is
 * Hugging Face's, up to a pixel from timm's.
 */
function timmProcessor(pretrained: JsonObject): ProcessorJson {
  const { input_size: inputSize, crop_pct: crop, crop_mode: mode, interpolation, mean, std } = pretrained;
  const [, height = 224, width = 224] = Array.isArray(inputSize) ? inputSize.map(Number) : [];
  if (height !== width || (mode ?? 'center') !== 'center')
    throw new ConfigError(
      `AutoImageProcessor: pretrained_cfg must have a square input_size and crop_mode "center", got ${JSON.stringify(inputSize)} and ${JSON.stringify(mode)}`,
    );
  const resample = RESAMPLES.indexOf(typeof interpolation === 'string' ? interpolation : 'bicubic');
  return {
    image_processor_type: 'CLIPImageProcessor',
    do_convert_rgb: false,
    size: { shortest_edge: Math.floor(height / (typeof crop === 'number' ? crop : 0.875)) },
    resample: resample < 0 ? RESAMPLES.indexOf('bicubic') : resample,
    crop_size: { height, width },
    image_mean: mean ?? [0.485, 0.456, 0.406],
    image_std: std ?? [0.229, 0.224, 0.225],
  };
}
