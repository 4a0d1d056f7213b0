import { ConfigError } from '@formers/backend';
import type { JsonLike } from '@formers/checkpoints';
import * as v from 'valibot';

import { RESAMPLE_NAMES } from '../resize/filters.ts';
import { type ImageProcessorConfig, PROCESSOR_DEFAULTS, type TargetSize } from './processor-types.ts';

/** The contents of a preprocessor_config.json. */
export type ProcessorJson = { readonly [key: string]: JsonLike | undefined };

const pixels = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 15));
const factor = v.pipe(v.number(), v.finite());
const perChannel = v.union([factor, v.array(factor)]);
const optionalFlag = v.optional(v.boolean());

/** The keys that are read. Others are ignored, as Hugging Face does. */
const schema = v.object({
  image_processor_type: v.optional(v.string()),
  feature_extractor_type: v.optional(v.string()),
  do_convert_rgb: optionalFlag,
  do_resize: optionalFlag,
  size: v.optional(v.union([pixels, v.tuple([pixels, pixels]), v.record(v.string(), pixels)])),
  resample: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(RESAMPLE_NAMES.length - 1))),
  do_center_crop: optionalFlag,
  crop_size: v.optional(v.union([pixels, v.tuple([pixels, pixels]), v.record(v.string(), pixels)])),
  do_rescale: optionalFlag,
  rescale_factor: v.optional(factor),
  do_normalize: optionalFlag,
  image_mean: v.optional(perChannel),
  image_std: v.optional(perChannel),
  do_pad: optionalFlag,
});

/**
 * Reads a preprocessor_config.json, also one of an older release (`ViTFeatureExtractor`, a number as `size`).
 *
 * @throws {@link ConfigError} naming the first key that is wrong or not supported.
 */
export function parseProcessorConfig(json: ProcessorJson): ImageProcessorConfig {
  const told = Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null)); // null means not told
  const result = v.safeParse(schema, told);
  if (!result.success) {
    const [issue] = result.issues;
    throw wrong(`${v.getDotPath(issue) ?? ''} must be ${issue.expected ?? 'within its bounds'}, got ${issue.received}`);
  }
  const found = result.output;
  const name = found.image_processor_type ?? found.feature_extractor_type ?? 'ViTImageProcessor';
  const type = name.replace(/FeatureExtractor$/, 'ImageProcessor').replace(/(Fast|Pil)$/, '');
  const defaults = PROCESSOR_DEFAULTS.get(type);
  if (!defaults)
    throw wrong(`image_processor_type must be one of ${[...PROCESSOR_DEFAULTS.keys()].join(', ')}, got ${name}`);
  if (found.do_pad === true) throw wrong('do_pad must be false or absent, got true');

  const imageMean = channelsOf(found.image_mean, defaults.imageMean);
  const config: ImageProcessorConfig = {
    type,
    doConvertRgb: found.do_convert_rgb ?? defaults.doConvertRgb,
    doResize: found.do_resize ?? defaults.doResize,
    size:
      found.size === undefined
        ? defaults.size
        : sizeOf(found.size, { key: 'size', isShortest: 'shortestEdge' in defaults.size }),
    resample: found.resample === undefined ? defaults.resample : (RESAMPLE_NAMES[found.resample] ?? defaults.resample),
    doCenterCrop: found.do_center_crop ?? defaults.doCenterCrop,
    cropSize: found.crop_size === undefined ? defaults.cropSize : fixed(sizeOf(found.crop_size, { key: 'crop_size' })),
    doRescale: found.do_rescale ?? defaults.doRescale,
    rescaleFactor: found.rescale_factor ?? defaults.rescaleFactor,
    doNormalize: found.do_normalize ?? defaults.doNormalize,
    imageMean,
    imageStd: channelsOf(found.image_std, imageMean.length === 1 ? [0.5] : defaults.imageStd),
  };
  checkChannels(config);
  if (config.doCenterCrop && !config.cropSize) throw wrong('crop_size must be told where do_center_crop is true');
  return config;
}

/** The config as keys and values of preprocessor_config.json. */
export function serializeProcessorConfig(config: ImageProcessorConfig): ProcessorJson {
  const { size, cropSize } = config;
  return {
    image_processor_type: config.type,
    ...(config.doConvertRgb && { do_convert_rgb: true }),
    do_resize: config.doResize,
    size: 'shortestEdge' in size ? { shortest_edge: size.shortestEdge } : { ...size },
    resample: RESAMPLE_NAMES.indexOf(config.resample),
    ...(config.doCenterCrop && cropSize && { do_center_crop: true, crop_size: { ...cropSize } }),
    do_rescale: config.doRescale,
    rescale_factor: config.rescaleFactor,
    do_normalize: config.doNormalize,
    image_mean: config.imageMean,
    image_std: config.imageStd,
  };
}

function sizeOf(
  size: number | readonly [number, number] | Readonly<Record<string, number>>,
  { key, isShortest = false }: { key: string; isShortest?: boolean },
): TargetSize {
  if (typeof size === 'number') return isShortest ? { shortestEdge: size } : { height: size, width: size };
  if (isPair(size)) return { height: size[0], width: size[1] };
  const keys = Object.keys(size).toSorted().join(', ');
  const { height, width, shortest_edge: shortestEdge } = size;
  if (keys === 'height, width' && height !== undefined && width !== undefined) return { height, width };
  if (key === 'size' && keys === 'shortest_edge' && shortestEdge !== undefined) return { shortestEdge };
  throw wrong(
    `${key} must have height and width${key === 'size' ? ', or shortest_edge' : ''}, got ${keys || 'nothing'}`,
  );
}

function isPair(size: readonly [number, number] | Readonly<Record<string, number>>): size is readonly [number, number] {
  return Array.isArray(size);
}

function fixed(size: TargetSize): { height: number; width: number } | undefined {
  return 'height' in size ? size : undefined;
}

/** A number counts for all three channels. */
function channelsOf(found: number | number[] | undefined, otherwise: readonly number[]): readonly number[] {
  if (found === undefined) return otherwise;
  return typeof found === 'number' ? [found, found, found] : found;
}

function checkChannels({ imageMean, imageStd, doConvertRgb }: ImageProcessorConfig): void {
  if (imageMean.length !== 1 && imageMean.length !== 3) {
    throw wrong(`image_mean must have a number for each of 1 or 3 channels, got ${imageMean.length}`);
  }
  if (imageStd.length !== imageMean.length) {
    throw wrong(`image_std must have ${imageMean.length} numbers, as image_mean has, got ${imageStd.length}`);
  }
  if (imageStd.some((std) => std === 0)) throw wrong('image_std must not be 0, which is divided by');
  if (imageMean.length === 1 && doConvertRgb) throw wrong('do_convert_rgb must be false where image_mean has 1 number');
}

function wrong(text: string): ConfigError {
  return new ConfigError(`ImageProcessor: ${text}`);
}
