import {
  count,
  grouped,
  type OptionSpecs,
  type OptionValues,
  pick,
  trainingOptions,
  trainingConfig,
  UsageError,
} from '@formers/cli';
import { ImageBatches, ImageProcessor, randomAffine } from '@formers/images';
import type { FoundCheckpoint } from '@formers/training';
import { VIT_PRESETS } from '@formers/vit';

import type { Family, Machine, PreparedRun, RunConfig } from '../family.ts';
import { type ImageChoice, loadImages, someImages } from '../image-sets.ts';
import { classifyImages } from './vit-classes.ts';
import { paintImages } from './vit-pixels.ts';

/** What trains a small ViT well. */
const DEFAULTS = { learningRate: 2e-3, minLearningRate: 1e-5, weightDecay: 0.05, beta2: 0.999, steps: 2500 } as const;

const OPTIONS = {
  objective: {
    kind: 'text',
    among: ['classification', 'mae', 'mim'],
    help: 'name the class, or paint hidden patches: MAE, SimMIM (default classification)',
  },
  dataset: { kind: 'text', among: ['mnist'], help: 'images that come with the app (default mnist)' },
  images: { kind: 'text', help: 'folder with one sub-folder of images per class, instead of a data set' },
  testImages: {
    kind: 'whole',
    least: 1,
    help: 'images held out for testing, the same ones for everybody (default 1000, of folders a tenth)',
  },
  preset: { kind: 'text', among: Object.keys(VIT_PRESETS), help: 'sizes of the model by name (default mnist)' },
  imageSize: { kind: 'whole', least: 1, help: 'height and width that images are brought to, in pixels' },
  patchSize: { kind: 'whole', least: 1, help: 'height and width of a patch, in pixels' },
  dim: { kind: 'whole', least: 1, help: 'width of the model' },
  numLayers: { kind: 'whole', least: 1, help: 'number of encoder layers' },
  numHeads: { kind: 'whole', least: 1, help: 'number of attention heads' },
  initStd: {
    kind: 'number',
    least: 0,
    help: 'standard deviation of the weights at the start (default by preset, else 0.02)',
  },
  dropout: { kind: 'number', least: 0, below: 1, help: 'share of values that are dropped in training (default 0)' },
  shift: { kind: 'number', least: 0, help: 'augmentation: up to so many pixels to each side (default 2)' },
  rotate: { kind: 'number', least: 0, help: 'augmentation: up to so many degrees (default 12)' },
  scale: { kind: 'number', least: 0, below: 1, help: 'augmentation: up to so much larger or smaller (default 0.12)' },
  batchSize: { kind: 'whole', least: 1, help: 'images per micro-batch (default 64)' },
  labelSmoothing: {
    kind: 'number',
    least: 0,
    below: 1,
    help: 'share of each class that is spread over all (classification; default 0)',
  },
  ...trainingOptions(DEFAULTS),
} as const satisfies OptionSpecs;

/** What makes a run of a ViT. */
export interface VitRunConfig extends RunConfig, ImageChoice {
  objective: string;
  imageSize: number;
  patchSize: number;
  dim: number;
  numLayers: number;
  numHeads: number;
  initStd: number;
  dropout: number;
  shift: number;
  rotate: number;
  scale: number;
  batchSize: number;
  labelSmoothing: number;
}

/** The sizes of the presets, as options. */
const PRESETS: Readonly<Record<string, Partial<VitRunConfig>>> = VIT_PRESETS;

const SIZES = ['imageSize', 'patchSize', 'dim', 'numLayers', 'numHeads', 'initStd'] as const;

/** For the plain `cpu` engine, where the default has to end within minutes. */
const SLOW_SIZES = { imageSize: 28, patchSize: 7, dim: 32, numHeads: 4, numLayers: 2, initStd: 0.1 } as const;
const SLOW_STEPS = 150;

/** Held-out images that an engine in plain JavaScript looks at; others look at all. */
const SLOW_EVALUATION = 200;

/** Vision Transformers on images, which learn their classes, or to paint what is hidden. */
export const VIT_FAMILY: Family<OptionValues<typeof OPTIONS>, VitRunConfig> = {
  name: 'vit',
  about: 'Trains a Vision Transformer to classify images, from scratch, or pre-trains it to paint hidden patches.',
  examples: [
    '--family vit --dataset mnist',
    '--family vit --objective mae --images photos --image-size 64 --patch-size 8',
    '--family vit --images photos --image-size 64 --patch-size 8 --dim 192 --num-layers 6 --num-heads 6',
    '--resume checkpoints/vit-mnist --steps 6000',
  ],
  options: OPTIONS,
  configure(given, { isSlow }) {
    const { images, dataset = 'mnist', testImages = images ? undefined : 1000, preset } = given;
    if (images && given.dataset) throw new UsageError('--images and --dataset exclude each other');
    if ((given.labelSmoothing ?? 0) > 0 && (given.objective ?? 'classification') !== 'classification')
      throw new UsageError(`--label-smoothing is for classes, not for --objective ${given.objective}`);
    const isSmall = isSlow && preset === undefined;
    const sizes = isSmall ? SLOW_SIZES : (PRESETS[preset ?? 'mnist'] ?? {});
    return {
      family: 'vit',
      objective: given.objective ?? 'classification',
      ...(images ? { images } : { dataset }),
      ...(testImages !== undefined && { testImages }),
      initStd: 0.02,
      ...pick(sizes, SIZES),
      dropout: 0,
      shift: 2,
      rotate: 12,
      scale: 0.12,
      batchSize: 64,
      labelSmoothing: 0,
      ...pick(given, ['dropout', 'shift', 'rotate', 'scale', 'batchSize', 'labelSmoothing', ...SIZES]),
      ...trainingConfig(given, isSmall ? { ...DEFAULTS, steps: SLOW_STEPS } : DEFAULTS),
    } as VitRunConfig;
  },
  expand: ({ preset, ...given }) => ({ ...(preset && pick(PRESETS[preset] ?? {}, SIZES)), ...given }),
  earlier: { optimizer: 'adamw', emaDecay: 0, objective: 'classification', labelSmoothing: 0 },
  prepare: prepareVit,
};

async function prepareVit(
  config: VitRunConfig,
  { checkpoint, isSlow }: Machine & { checkpoint: FoundCheckpoint | undefined },
): Promise<PreparedRun> {
  const { name, train, test } = await loadImages(config);
  const isGrey = (await train.image(0)).channels === 1;
  const processor = checkpoint
    ? await ImageProcessor.fromPretrained(checkpoint.folder)
    : createProcessor(config, isGrey);
  const { batchSize, seed, shift, rotate, scale, imageSize, patchSize, objective } = config;
  const augment = [randomAffine({ shift, rotate, scale: [1 - scale, 1 + scale] })];
  const evaluated = isSlow ? someImages(test, SLOW_EVALUATION) : test;
  const parts = {
    data: new ImageBatches(train, { processor, batchSize, seed, augment }),
    labels: train.labels,
    numChannels: isGrey ? 1 : 3,
    processor,
    evaluated,
    checkpoint: checkpoint?.folder,
  };
  const task = await (objective === 'classification' ? classifyImages(config, parts) : paintImages(config, parts));
  const { numLayers, numHeads, dim } = config;
  const partly = evaluated.length < test.length ? ` (of which ${evaluated.length} are evaluated on this engine)` : '';
  const kind = objective === 'classification' ? '' : `${objective}-`;
  return {
    ...task,
    name: `vit-${kind}${(config.images ?? config.dataset ?? 'run').split(/[\\/]/).findLast((part) => part !== '')}`,
    companion: processor,
    perBatch: { count: batchSize, unit: 'images' },
    notes: {
      model: `${task.title}, ${grouped(task.model.numParameters)} parameters: ${count(numLayers, 'layer')}, ${count(numHeads, 'head')}, ${dim} wide, patches of ${patchSize} x ${patchSize} in images of ${imageSize} x ${imageSize}`,
      data: `${name}: ${count(train.labels.length, 'label')}`,
      split: `${grouped(train.length)} images to learn, ${grouped(test.length)} held out${partly}`,
    },
  };
}

/** Images as levels from -1 to 1, of the model's size. */
function createProcessor({ imageSize }: VitRunConfig, isGrey: boolean): ImageProcessor {
  const half = isGrey ? [0.5] : [0.5, 0.5, 0.5];
  return ImageProcessor.fromConfig({
    image_processor_type: 'ViTImageProcessor',
    do_resize: true,
    size: { height: imageSize, width: imageSize },
    resample: 2,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: half,
    image_std: half,
  });
}
