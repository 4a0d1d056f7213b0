import { attendLayout, attendMergedLayout, type PlaceHeads, selfAttendLayout } from './attention-layout.ts';
import type { AttendAttributes } from '../ops/attend.ts';
import type { Kernel, KernelTable } from './kernel.ts';

/** What an engine brings for attention: a kernel, and that of its gradient, for heads that lie where `place` finds them. */
export interface AttentionParts<Backend> {
  readonly forward: <Attributes extends AttendAttributes>(place: PlaceHeads<Attributes>) => Kernel<Backend>;
  readonly gradient: <Attributes extends AttendAttributes>(place: PlaceHeads<Attributes>) => Kernel<Backend>;
}

/** Kernels of `attend`, `attendMerged` and `selfAttend` from an engine's parts. */
export function createAttentionKernels<Backend>({ forward, gradient }: AttentionParts<Backend>): KernelTable<Backend> {
  return {
    FormersAttend: forward(attendLayout),
    FormersAttendGradient: gradient(attendLayout),
    FormersAttendMerged: forward(attendMergedLayout),
    FormersAttendMergedGradient: gradient(attendMergedLayout),
    FormersSelfAttend: forward(selfAttendLayout),
    FormersSelfAttendGradient: gradient(selfAttendLayout),
  };
}
