import type { ProcessorJson } from '@formers/images';
import type { ViTOptions } from '@formers/vit';

import type { Beginning, SampleClass, TrainSettings } from './protocol.ts';

/** What a model from scratch is for: drawings, grey and small as MNIST's digits, or photos, in colour. */
export type ScratchKind = 'drawings' | 'photos';

/** Sizes of models from scratch: small enough to learn in a tab within a minute. */
const SCRATCH: Readonly<Record<ScratchKind, Omit<ViTOptions, 'labels'> & { imageSize: number }>> = {
  drawings: { imageSize: 28, patchSize: 7, numChannels: 1, dim: 64, numHeads: 4, numLayers: 3, initStd: 0.1 },
  photos: { imageSize: 48, patchSize: 8, numChannels: 3, dim: 64, numHeads: 4, numLayers: 3, initStd: 0.1 },
};

/** What suits each beginning; a head has few weights and learns fast. */
export const DEFAULT_SETTINGS: Readonly<Record<Beginning['kind'], TrainSettings>> = {
  scratch: { steps: 200, batchSize: 32, learningRate: 0.002, seed: 1, flip: false, shift: 1 },
  head: { steps: 200, batchSize: 32, learningRate: 0.01, seed: 1, flip: false, shift: 0 },
  all: { steps: 150, batchSize: 16, learningRate: 0.0003, seed: 1, flip: false, shift: 1 },
};

/** Bounds of the settings that are numbers. */
export const BOUNDS = {
  steps: { least: 1, most: 100_000, whole: true },
  batchSize: { least: 1, most: 512, whole: true },
  learningRate: { least: 1e-7, most: 1, whole: false },
  seed: { least: 0, most: 2 ** 31, whole: true },
  shift: { least: 0, most: 32, whole: true },
} as const;

/** Drawings alone are for a small grey model, anything else is in colour. */
export function scratchKind(classes: readonly SampleClass[]): ScratchKind {
  const samples = classes.flatMap((one) => one.samples);
  return samples.some(({ image }) => image instanceof Blob) ? 'photos' : 'drawings';
}

/** Options of a model from scratch. */
export function scratchModel(kind: ScratchKind, labels: readonly string[]): ViTOptions {
  return { ...SCRATCH[kind], labels: [...labels] };
}

/** preprocessor_config.json of a model from scratch: levels from -1 to 1, of the model's size. */
export function scratchProcessor(kind: ScratchKind): ProcessorJson {
  const { imageSize } = SCRATCH[kind];
  const half = kind === 'drawings' ? [0.5] : [0.5, 0.5, 0.5];
  return {
    image_processor_type: 'ViTImageProcessor',
    do_resize: true,
    size: { height: imageSize, width: imageSize },
    resample: 2,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: half,
    image_std: half,
  };
}

/** What keeps a training from starting, as a sentence for the visitor; undefined if nothing does. */
export function problemWith(classes: readonly SampleClass[], settings: TrainSettings): string | undefined {
  if (classes.length < 2)
    return `Two classes or more are needed to tell one from another; there is ${classes.length || 'none'}.`;
  const labels = classes.map(({ label }) => label.trim());
  const unnamed = labels.indexOf('');
  if (unnamed >= 0) return `Class ${unnamed + 1} has no name.`;
  const twice = labels.find((label, i) => labels.indexOf(label) !== i);
  if (twice !== undefined) return `Two classes are called “${twice}”; give one of them another name.`;
  const empty = classes.find(({ samples }) => samples.length === 0);
  if (empty) return `“${empty.label}” has no images; add some, or remove the class.`;
  for (const [name, { least, most, whole }] of Object.entries(BOUNDS)) {
    const value = settings[name as keyof typeof BOUNDS];
    if (value >= least && value <= most && (!whole || Number.isInteger(value))) continue;
    const title = SETTING_NAMES[name as keyof typeof BOUNDS];
    return `${title} must be a ${whole ? 'whole ' : ''}number from ${least} to ${most}.`;
  }
  return undefined;
}

/** The settings, for people. */
export const SETTING_NAMES: Readonly<Record<keyof typeof BOUNDS, string>> = {
  steps: 'Steps',
  batchSize: 'Images per step',
  learningRate: 'Learning rate',
  seed: 'Seed',
  shift: 'Random shift',
};
