import { cpu, useBackend } from '@formers/backend';

import { webgpu } from '../src/index.ts';
import { dawn } from './dawn.ts';

/** What `run` gives on tfjs's plain engine, and then on the GPU, which stays the active one. */
export async function onBothEngines<T>(run: () => T | Promise<T>): Promise<{ plain: T; gpu: T }> {
  await useBackend(cpu());
  const plain = await run();
  await useBackend(webgpu({ gpu: await dawn() }));
  return { plain, gpu: await run() };
}
