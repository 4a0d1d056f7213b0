import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findChromium } from './chromium.ts';

/** Where Chromium's GPU in software lies: beside the program, or where Debian and Chrome put theirs. */
function folders(chromium: string): string[] {
  return [dirname(realpathSync(chromium)), '/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'];
}

/** The variables that make Vulkan programs use the GPU in software of the system's Chromium; undefined where there is none. */
export function softwareGPU(): Readonly<Record<'VK_ICD_FILENAMES' | 'LD_LIBRARY_PATH', string>> | undefined {
  const chromium = findChromium();
  const folder = chromium && folders(chromium).find((path) => existsSync(join(path, 'vk_swiftshader_icd.json')));
  if (folder === undefined || !readdirSync(folder).some((file) => file.startsWith('libvulkan.so'))) return undefined;
  return { VK_ICD_FILENAMES: join(folder, 'vk_swiftshader_icd.json'), LD_LIBRARY_PATH: folder };
}
