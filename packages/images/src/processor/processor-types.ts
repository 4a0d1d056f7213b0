import type { Resample } from '../resize/filters.ts';

/** What an image is resized to: a fixed size, or in proportion so that its shorter side has a length. In pixels. */
export type TargetSize = { readonly height: number; readonly width: number } | { readonly shortestEdge: number };

/** How images become pixel values; the fields are those of preprocessor_config.json. */
export interface ImageProcessorConfig {
  /** Hugging Face's class, such as `ViTImageProcessor`. */
  readonly type: string;
  readonly doConvertRgb: boolean;
  readonly doResize: boolean;
  readonly size: TargetSize;
  readonly resample: Resample;
  readonly doCenterCrop: boolean;
  readonly cropSize: { readonly height: number; readonly width: number } | undefined;
  readonly doRescale: boolean;
  readonly rescaleFactor: number;
  readonly doNormalize: boolean;
  /** One per channel. */
  readonly imageMean: readonly number[];
  /** One per channel. */
  readonly imageStd: readonly number[];
}

const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073];
const CLIP_STD = [0.26862954, 0.26130258, 0.27577711];

const common = {
  doConvertRgb: false,
  doResize: true,
  doCenterCrop: false,
  cropSize: undefined,
  doRescale: true,
  rescaleFactor: 1 / 255,
  doNormalize: true,
  imageMean: [0.5, 0.5, 0.5],
  imageStd: [0.5, 0.5, 0.5],
};

/** What Hugging Face's classes take where preprocessor_config.json is silent. */
export const PROCESSOR_DEFAULTS: ReadonlyMap<string, ImageProcessorConfig> = new Map(
  [
    {
      ...common,
      type: 'ViTImageProcessor',
      size: { height: 224, width: 224 },
      resample: 'bilinear' as const,
    },
    {
      ...common,
      type: 'DeiTImageProcessor',
      size: { height: 256, width: 256 },
      resample: 'bicubic' as const,
      doCenterCrop: true,
      cropSize: { height: 224, width: 224 },
    },
    {
      ...common,
      type: 'CLIPImageProcessor',
      doConvertRgb: true,
      size: { shortestEdge: 224 },
      resample: 'bicubic' as const,
      doCenterCrop: true,
      cropSize: { height: 224, width: 224 },
      imageMean: CLIP_MEAN,
      imageStd: CLIP_STD,
    },
  ].map((config) => [config.type, config]),
);
