import { backend } from '@tensorflow/tfjs-core';

import type { Peak } from '../../harness/tasks.ts';

/** Each thread's work in a turn of its loop: `chains` numbers, none of which waits for another, times this many multiply-adds. */
const UNROLLED = 16;
const WORKGROUP = 256;
/** A measurement takes about this long, in milliseconds: so that waiting for its end doesn't count. */
const LEAST_TIME = 50;
const REPEATS = 5;
const MOST_TURNS = 2 ** 22;

/** How the multiply-adds are written; devices differ in what they like. */
const VARIANTS = [
  { type: 'f32', chains: 8 },
  { type: 'f32', chains: 16 },
  { type: 'vec4f', chains: 4 },
  { type: 'vec4f', chains: 8 },
] as const;

type Variant = (typeof VARIANTS)[number];

/**
 * The most float32 operations per second that this device does for anybody: multiply-adds on registers only, without memory; a multiply-add counts as two. The best
 * of several ways to write it.
 */
export async function measurePeak(): Promise<Peak> {
  const { device } = backend() as unknown as { device: GPUDevice };
  let best: Peak | undefined;
  for (const variant of VARIANTS) {
    const peak = await measure(device, variant);
    if (!best || peak.gigaflops > best.gigaflops) best = peak;
  }
  return best as Peak;
}

async function measure(device: GPUDevice, variant: Variant): Promise<Peak> {
  const lanes = variant.type === 'vec4f' ? 4 : 1;
  const module = device.createShaderModule({ code: shader(variant) });
  const pipeline = await device.createComputePipelineAsync({
    layout: 'auto',
    compute: { module, entryPoint: 'main' },
  });
  const out = device.createBuffer({ size: 4, usage: GPUBufferUsage.STORAGE });
  const counts = device.createBuffer({ size: 16, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [out, counts].map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const time = async ({ workgroups, turns }: { workgroups: number; turns: number }): Promise<number> => {
    const values = new ArrayBuffer(16);
    new Uint32Array(values)[0] = turns;
    new Float32Array(values).set([0.999, 0.001], 1);
    device.queue.writeBuffer(counts, 0, values);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(workgroups);
    pass.end();
    const commands = encoder.finish();
    const start = performance.now();
    device.queue.submit([commands]);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - start;
  };
  const work = { workgroups: 1, turns: 16 };
  let times: number[] = [];
  for (;;) {
    times = [];
    for (let i = 0; i < REPEATS; i++) times.push(await time(work));
    if (Math.min(...times) >= LEAST_TIME || work.turns >= MOST_TURNS) break;
    // First enough threads to fill any GPU, then more turns; a device in software is slow long before.
    if (work.workgroups < 2 ** 14) work.workgroups *= 4;
    else work.turns *= 2;
  }
  out.destroy();
  counts.destroy();
  const operations = work.workgroups * WORKGROUP * work.turns * UNROLLED * variant.chains * lanes * 2;
  return {
    gigaflops: operations / Math.min(...times) / 1e6,
    kernel: `${variant.chains} chains of ${variant.type}`,
    times,
  };
}

/** The factors come from outside, so that no compiler can know the result; it is written where no run ever comes to, so that none can leave it out. */
function shader({ type, chains }: Variant): string {
  const names = Array.from({ length: chains }, (_, i) => `x${i}`);
  const start = names.map((name, i) => `  var ${name} = ${type}(f32(thread.x % 61u) * 0.01 + ${i}.0);`);
  const once = names.map((name) => `      ${name} = fma(${name}, a, b);`);
  const sum = names.join(' + ');
  return `
@group(0) @binding(0) var<storage, read_write> result: f32;
struct Counts { turns: u32, a: f32, b: f32 }
@group(0) @binding(1) var<uniform> counts: Counts;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) thread: vec3<u32>) {
  let a = ${type}(counts.a);
  let b = ${type}(counts.b);
${start.join('\n')}
  for (var turn = 0u; turn < counts.turns; turn++) {
${Array.from({ length: UNROLLED }, () => once.join('\n')).join('\n')}
  }
  let sum = ${sum};
  if (${type === 'vec4f' ? 'dot(sum, vec4f(1.0))' : 'sum'} == -1.0) { result = 1.0; }
}`;
}
