import { useBackend } from '@formers/backend';
import { webgpu } from '@formers/backend-webgpu';
import { openDawn } from '@formers/cli';

import type { GPUInfo } from '../../harness/tasks.ts';
import { KernelTimer } from './kernel-timer.ts';

/** The GPU engine, running. */
export interface StartedGPU extends GPUInfo {
  readonly features: readonly string[];
  /** Where kernels are timed. */
  readonly timer: KernelTimer | undefined;
}

/** Starts the GPU engine on Dawn. With `timestamps`, each dispatch is a pass of its own, and timed. */
export async function startGPU({
  timestamps,
  storage,
}: {
  timestamps: boolean;
  storage: 'f32' | 'f16';
}): Promise<StartedGPU> {
  // Otherwise Dawn rounds times to 0.1 ms, so that web pages can't use them as clocks.
  const flags = timestamps ? ['disable-dawn-features=timestamp_quantization'] : [];
  const gpu = await openDawn({ onNote: (text) => console.error(text), flags });
  const timer = timestamps ? new KernelTimer() : undefined;
  const { device, features } = await useBackend(webgpu({ gpu, storage }));
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  return { name: nameOf(adapter?.info) || device, isSoftware: isSoftware(adapter?.info), features, timer };
}

/** All that an adapter says of itself: some name the chip, some the driver. */
function nameOf(info: GPUAdapterInfo | undefined): string {
  return [info?.vendor, info?.architecture, info?.device, info?.description].filter(Boolean).join(' ');
}

/** Whether an adapter computes on the processor: SwiftShader, Mesa's llvmpipe, Microsoft's WARP. */
function isSoftware(info: GPUAdapterInfo | undefined): boolean {
  if (!info) return false;
  const words = [info.vendor, info.architecture, info.device, info.description].join(' ');
  return info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|software|basic render|\bcpu\b/i.test(words);
}
