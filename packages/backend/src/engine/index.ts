/** For writers of engines: what kernels of the ops of `@formers/backend` have in common on every engine. */
export { type AttentionParts, createAttentionKernels } from './attention-kernels.ts';
export {
  attendLayout,
  attendMergedLayout,
  type AttentionLayout,
  type AttentionOperand,
  type AttentionSizes,
  type HeadStrides,
  type PlaceHeads,
  selfAttendLayout,
} from './attention-layout.ts';
export { asRows, input, type Kernel, type KernelCall, type KernelTable, sizeOf, takeWanted } from './kernel.ts';
export { createNormKernels, type NormGradient, type NormParts } from './norm-kernels.ts';
