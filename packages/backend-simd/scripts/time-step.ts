/**
 * By hand: times whole training steps of GPT-2 against PyTorch in one alternating run, on the same weights and batches.
 *
 *     node scripts/time-step.ts --size b --threads 2 --rounds 6 [--plain] [--no-avx2] [--no-torch] [--profile] [--cpu]
 *
 * --cpu counts processor time instead of time: for one thread on a machine that is busy with other things.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

import {
  adamWStep,
  embedding,
  globalNorm,
  gradientScale,
  layerNorm,
  linear,
  linearCrossEntropy,
  normalValues,
  randomKey,
  selfAttend,
  useBackend,
  valueAndGradients,
} from '@formers/backend';
import {
  add,
  tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tidy,
  type Variable,
  variable,
  zeros,
} from '@tensorflow/tfjs-core';

import { simd } from '../src/index.ts';
import { kernelUse } from '../src/start.ts';

/** Layers, dim, heads, context, batch, vocabulary: the four sizes of the issue and one for a smoke test. */
const SIZES = {
  a: { L: 4, C: 128, H: 4, T: 64, B: 12, V: 65 },
  b: { L: 3, C: 96, H: 3, T: 64, B: 16, V: 256 },
  c: { L: 6, C: 192, H: 6, T: 128, B: 12, V: 256 },
  d: { L: 6, C: 384, H: 6, T: 256, B: 8, V: 65 },
  t: { L: 2, C: 32, H: 2, T: 16, B: 3, V: 17 },
} as const;

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: 'a' },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '6' },
    steps: { type: 'string', default: '5' },
    'no-avx2': { type: 'boolean', default: false },
    plain: { type: 'boolean', default: false },
    'no-torch': { type: 'boolean', default: false },
    cpu: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
  },
});
const config = SIZES[values.size as keyof typeof SIZES];
const { L, C, H, T, B, V } = config;
const [threads, rounds, steps] = [values.threads, values.rounds, values.steps].map(Number) as [number, number, number];

const shapes: [name: string, shape: number[]][] = [
  ['tokens', [V, C]],
  ['positions', [T, C]],
];
for (let i = 0; i < L; i++) {
  for (const [name, out, into] of [
    ['qkv', 3 * C, C],
    ['out', C, C],
    ['up', 4 * C, C],
    ['down', C, 4 * C],
  ] as const)
    shapes.push([`${i}.${name}.weight`, [out, into]], [`${i}.${name}.bias`, [out]]);
  for (const name of ['norm1', 'norm2']) shapes.push([`${i}.${name}.weight`, [C]], [`${i}.${name}.bias`, [C]]);
}
shapes.push(['norm.weight', [C]], ['norm.bias', [C]]);

const info = await useBackend(simd({ threads, avx2: !values['no-avx2'], relaxedSimd: !values.plain }));
console.log(`size ${values.size}, ${info.threads} threads, ${info.features.join(', ')}`);

const weights = shapes.map(([name, shape], i) => {
  const noise = normalValues(
    randomKey(i, 'weights'),
    shape.reduce((a, b) => a * b, 1),
  );
  const base = /norm.*weight/.test(name) ? 1 : 0;
  return noise.map((x) => base + 0.02 * x);
});
const batches = Int32Array.from({ length: 8 * 2 * B * T }, (_, i) => (i * i * 7 + i * 13 + (i >> 3)) % V);
const parameters = new Map(
  shapes.map(([name, shape], i) => [name, variable(tensor(weights[i] as Float32Array, shape))]),
);
const all = [...parameters.values()];
const moments = all.map(({ shape }) => [variable(zeros(shape)), variable(zeros(shape))] as const);

function parameter<T>(name: string): T {
  return parameters.get(name) as T;
}

function loss(ids: Tensor2D, targets: Tensor2D) {
  const affine = (x: Tensor3D, name: string, more = {}) =>
    linear(x, parameter<Tensor2D>(`${name}.weight`), { bias: parameter<Tensor1D>(`${name}.bias`), ...more });
  const norm = (x: Tensor3D, name: string) =>
    layerNorm(x, { weight: parameter<Tensor1D>(`${name}.weight`), bias: parameter<Tensor1D>(`${name}.bias`) });
  let x: Tensor3D = add(embedding(parameter<Tensor2D>('tokens'), ids), parameter<Tensor2D>('positions'));
  for (let i = 0; i < L; i++) {
    x = affine(selfAttend(affine(norm(x, `${i}.norm1`), `${i}.qkv`), { numHeads: H, causal: true }), `${i}.out`, {
      residual: x,
    });
    x = affine(affine(norm(x, `${i}.norm2`), `${i}.up`, { activation: 'geluTanh' }), `${i}.down`, { residual: x });
  }
  return linearCrossEntropy(norm(x, 'norm'), parameter<Tensor2D>('tokens'), { labels: targets });
}

let step = 0;
function train(): { time: number; loss: number } {
  const half = B * T;
  const at = (step % 8) * 2 * half;
  const start = performance.now();
  const cpu = process.cpuUsage();
  const value = tidy(() => {
    const ids = tensor(batches.subarray(at, at + half), [B, T], 'int32') as Tensor2D;
    const targets = tensor(batches.subarray(at + half, at + 2 * half), [B, T], 'int32') as Tensor2D;
    const result = valueAndGradients(() => loss(ids, targets), all);
    const scale = gradientScale(globalNorm(result.gradients), 1);
    const slots = all.map((p: Variable, i) => {
      const [firstMoment, secondMoment] = moments[i] as (typeof moments)[number];
      return {
        parameter: p,
        gradient: result.gradients[i] as Tensor2D,
        firstMoment,
        secondMoment,
        weightDecay: p.rank >= 2 ? 0.1 : 0,
      };
    });
    step++;
    adamWStep(slots, { learningRate: 1e-3, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, step, gradientScale: scale });
    for (const gradient of result.gradients) gradient.dispose();
    const [number] = result.value.dataSync();
    result.value.dispose();
    return number;
  });
  const { user, system } = process.cpuUsage(cpu);
  return { time: values.cpu ? (user + system) / 1000 : performance.now() - start, loss: value ?? Number.NaN };
}

const folder = mkdtempSync(join(tmpdir(), 'time-step-'));
const files = { weights: join(folder, 'weights.bin'), batches: join(folder, 'batches.bin') };
writeFileSync(
  files.weights,
  Buffer.concat(weights.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength))),
);
writeFileSync(files.batches, Buffer.from(batches.buffer));
const torch = values['no-torch']
  ? undefined
  : spawn(
      'python3.11',
      [
        join(import.meta.dirname, 'torch-step.py'),
        JSON.stringify({ ...config, threads, ...files, shapes, cpu: values.cpu }),
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
const answers = torch && createInterface({ input: torch.stdout })[Symbol.asyncIterator]();

const ours: { time: number; loss: number }[] = [];
const theirs: { times: number[]; losses: number[] } = { times: [], losses: [] };
for (let round = 0; round < rounds; round++) {
  for (let i = 0; i < steps; i++) ours.push(train());
  if (!torch || !answers) continue;
  torch.stdin.write(`${steps}\n`);
  const answer = JSON.parse((await answers.next()).value as string) as typeof theirs;
  theirs.times.push(...answer.times);
  theirs.losses.push(...answer.losses);
}
torch?.stdin.end();
rmSync(folder, { recursive: true });

const sorted = (times: number[]) => times.slice(steps).toSorted((a, b) => a - b);
const figures = (times: number[]) => ({
  median: sorted(times)[Math.floor((times.length - steps) / 2)] ?? 0,
  best: sorted(times)[0] ?? 0,
});
const mine = figures(ours.map(({ time }) => time));
console.log(
  `ours  median ${mine.median.toFixed(2)} ms, best ${mine.best.toFixed(2)} ms, first ${ours[0]?.time.toFixed(0)} ms, last loss ${ours.at(-1)?.loss.toFixed(6)}`,
);
if (torch) {
  const other = figures(theirs.times);
  const difference = Math.max(...theirs.losses.map((value, i) => Math.abs(value - (ours[i]?.loss ?? Number.NaN))));
  console.log(`torch median ${other.median.toFixed(2)} ms, best ${other.best.toFixed(2)} ms`);
  console.log(
    `ratio median ${(other.median / mine.median).toFixed(2)}, best ${(other.best / mine.best).toFixed(2)}; losses differ by at most ${difference.toExponential(1)}`,
  );
}
console.log(`${((B * T) / mine.median).toFixed(1)} tokens/ms`);
if (values.profile) {
  const inherited = [...kernelUse()].filter(([, use]) => use.inherited > 0);
  console.log('inherited kernels:', Object.fromEntries(inherited.map(([name, use]) => [name, use.inherited])));
}
