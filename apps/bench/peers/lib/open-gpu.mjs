import { pathToFileURL } from 'node:url';

/** Gives this process WebGPU, by Dawn, as a browser has it. */
export async function openGPU(dawn) {
  const { create, globals } = await import(pathToFileURL(dawn).href);
  Object.assign(globalThis, globals);
  // As Formers does: SwiftShader, a GPU in software, takes seconds to compile the zeros that shared memory of shaders starts with.
  const isSoftware = process.env.VK_ICD_FILENAMES?.includes('swiftshader');
  const gpu = create(isSoftware ? ['enable-dawn-features=disable_workgroup_init'] : []);
  Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu, configurable: true });
}
