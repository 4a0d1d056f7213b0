import {
  type OptionSpecs,
  type OptionValues,
  pick,
  resumedConfig,
  SESSION_OPTIONS,
  TRAINING_OPTIONS,
  type TrainingConfig,
  trainingConfig,
  UsageError,
} from '@formers/cli';
import { VIT_PRESETS } from '@formers/vit';

/** The options that make a run of a ViT what it is: kept with it, and the same after a resume. */
const RUN_OPTIONS = {
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
  ...TRAINING_OPTIONS,
  learningRate: { ...TRAINING_OPTIONS.learningRate, help: 'highest learning rate (default 0.002)' },
  minLearningRate: { ...TRAINING_OPTIONS.minLearningRate, help: 'learning rate at the end (default 0.00001)' },
  beta2: { ...TRAINING_OPTIONS.beta2, help: "AdamW's memory of squared gradients (default 0.999)" },
  weightDecay: { ...TRAINING_OPTIONS.weightDecay, help: 'decay of weight matrices (default 0.05)' },
  steps: { ...TRAINING_OPTIONS.steps, help: 'steps in all, those before a resume included (default 2500)' },
} as const satisfies OptionSpecs;

/** All options of `pretrain --family vit`. */
export const VIT_OPTIONS = { ...RUN_OPTIONS, ...SESSION_OPTIONS } as const;

/** What was given on the command line or in a file. */
export type GivenVitOptions = OptionValues<typeof VIT_OPTIONS>;

/** What makes a run, every default filled in: saved as `run.json`. */
export interface VitRunConfig extends TrainingConfig {
  family: 'vit';
  dataset?: string;
  images?: string;
  /** Absent: a tenth. */
  testImages?: number;
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
}

/** The sizes of the presets, as options. */
const PRESETS: Readonly<Record<string, Partial<VitRunConfig>>> = VIT_PRESETS;

const SIZES = ['imageSize', 'patchSize', 'dim', 'numLayers', 'numHeads', 'initStd'] as const;

/** For the plain `cpu` engine, where the default has to end within minutes. */
const SLOW_SIZES = { imageSize: 28, patchSize: 7, dim: 32, numHeads: 4, numLayers: 2, initStd: 0.1 } as const;
const SLOW_STEPS = 150;

/** What trains a small ViT well. */
const DEFAULTS = { learningRate: 2e-3, minLearningRate: 1e-5, weightDecay: 0.05, beta2: 0.999, steps: 2500 } as const;

/** Fills in the defaults of a new run. `isSlow` is for engines in plain JavaScript. */
export function vitRunConfig(given: GivenVitOptions, { isSlow }: { isSlow: boolean }): VitRunConfig {
  const { images, dataset = 'mnist', testImages = images ? undefined : 1000, preset } = given;
  if (images && given.dataset) throw new UsageError('--images and --dataset exclude each other');
  const isSmall = isSlow && preset === undefined;
  const sizes = isSmall ? SLOW_SIZES : (PRESETS[preset ?? 'mnist'] ?? {});
  return {
    family: 'vit',
    ...(images ? { images } : { dataset }),
    ...(testImages !== undefined && { testImages }),
    initStd: 0.02,
    ...pick(sizes, SIZES),
    dropout: 0,
    shift: 2,
    rotate: 12,
    scale: 0.12,
    batchSize: 64,
    ...pick(given, ['dropout', 'shift', 'rotate', 'scale', 'batchSize', ...SIZES]),
    ...trainingConfig(given, isSmall ? { ...DEFAULTS, steps: SLOW_STEPS } : DEFAULTS),
  } as VitRunConfig;
}

/** The config of a resumed run. */
export function resumedVitConfig(saved: VitRunConfig, { preset, ...given }: GivenVitOptions): VitRunConfig {
  return resumedConfig(saved, { ...(preset && pick(PRESETS[preset] ?? {}, SIZES)), ...given }, RUN_OPTIONS);
}
