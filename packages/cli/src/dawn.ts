import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { BackendError } from '@formers/backend';
import type { WebGPUOptions } from '@formers/backend-webgpu';

import { npmCi } from './attempt.ts';

/** Where Dawn is installed: outside the workspace, as few need its 130 MB. */
const FOLDER = path.join(import.meta.dirname, '../../backend-webgpu/dawn');
const ENTRY = path.join(FOLDER, 'node_modules/webgpu/index.js');

interface Dawn {
  readonly create: (flags: readonly string[]) => NonNullable<WebGPUOptions['gpu']>;
  readonly globals: object;
}

/** The file of WebGPU for Node: the package `webgpu` (Dawn), which the first command that needs it installs. */
export async function installDawn({ onNote }: { onNote: (text: string) => void }): Promise<string> {
  if (existsSync(ENTRY)) return ENTRY;
  onNote('installing WebGPU for Node (Dawn): npm ci in packages/backend-webgpu/dawn, 130 MB, once');
  const failure = await npmCi(FOLDER); // Dawn's own install script only clears an attribute on macOS, which npm's downloads don't have
  if (failure !== undefined) throw new BackendError(`WebGPU for Node could not be installed: ${failure}`);
  return ENTRY;
}

/** WebGPU in Node by {@link installDawn}; `flags` are Dawn's own. */
export async function openDawn({
  onNote,
  flags = [],
}: {
  onNote: (text: string) => void;
  flags?: readonly string[];
}): Promise<NonNullable<WebGPUOptions['gpu']>> {
  const { create, globals } = (await import(pathToFileURL(await installDawn({ onNote })).href)) as Dawn;
  Object.assign(globalThis, globals);
  // SwiftShader, a GPU in software, takes seconds to compile the zeros that shared memory of shaders starts with; our kernels write before they read.
  const isSoftware = process.env['VK_ICD_FILENAMES']?.includes('swiftshader') ?? false;
  return create([...(isSoftware ? ['enable-dawn-features=disable_workgroup_init'] : []), ...flags]);
}
