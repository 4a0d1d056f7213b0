interface Dawn {
  readonly create: (flags: readonly string[]) => GPU;
  readonly globals: object;
}

let gpu: GPU | undefined;

/** WebGPU in Node, of the package in the folder `dawn` (`pnpm test:webgpu` installs it); one for all tests of a process. */
export async function dawn(): Promise<GPU> {
  if (gpu) return gpu;
  const { create, globals } = (await import('../dawn/node_modules/webgpu/index.js' as string)) as Dawn;
  Object.assign(globalThis, globals);
  // SwiftShader compiles the zeros that shared memory starts with one by one, which takes seconds; our kernels write before they read.
  gpu = create(['enable-dawn-features=disable_workgroup_init']);
  return gpu;
}
