/** Sizes by name: those of the paper (Touvron et al. 2021, table 1), and one for tests that runs in milliseconds. The options are a ViT's. */
export const DEIT_PRESETS = {
  testing: { imageSize: 8, patchSize: 4, numChannels: 1, dim: 16, numHeads: 2, numLayers: 2 },
  'deit-tiny': { imageSize: 224, patchSize: 16, dim: 192, numHeads: 3, numLayers: 12 },
  'deit-small': { imageSize: 224, patchSize: 16, dim: 384, numHeads: 6, numLayers: 12 },
  'deit-base': { imageSize: 224, patchSize: 16, dim: 768, numHeads: 12, numLayers: 12 },
} as const;

/** Name of a preset. */
export type DeiTPreset = keyof typeof DEIT_PRESETS;
