import { parseArgs } from 'node:util';

import { type Peer, PEERS } from './harness/contestants.ts';
import { GPU_INFER_LENGTHS, GPU_PRODUCTS } from './suites/gpu/gpu-cases.ts';
import { GPU_SIZES } from './suites/gpu/gpu-sizes.ts';
import { TRAIN_SIZES } from './suites/train-sizes.ts';

/** What can be measured; `report` is all of it, and the table in the README. */
export const SUITES = ['matmul', 'ops', 'train', 'infer', 'memory'] as const;

/** Name of a suite. */
export type Suite = (typeof SUITES)[number];

/** What can be measured with `--engine webgpu`. */
export const GPU_SUITES = ['matmul', 'train', 'infer', 'memory', 'profile'] as const;

/** Name of a suite on the GPU. */
export type GPUSuite = (typeof GPU_SUITES)[number];

/** The peers that each suite on the GPU has. */
export const GPU_SUITE_PEERS: Readonly<Record<GPUSuite, readonly Peer[]>> = {
  matmul: ['torch', 'tfjs'],
  train: ['torch', 'tfjs'],
  infer: ['torch', 'ort-web', 'ort-node'],
  memory: ['torch'],
  profile: [],
};

/** Values of `--size`, by suite; on the processor, only two have them. */
const SIZES: Readonly<Record<'cpu' | 'webgpu', Readonly<Partial<Record<GPUSuite | 'report', readonly string[]>>>>> = {
  cpu: { train: Object.keys(TRAIN_SIZES), memory: Object.keys(TRAIN_SIZES) },
  webgpu: {
    matmul: Object.keys(GPU_PRODUCTS),
    train: Object.keys(GPU_SIZES),
    infer: Object.keys(GPU_INFER_LENGTHS),
    memory: Object.keys(GPU_SIZES),
    profile: Object.keys(GPU_SIZES),
    report: ['tiny'],
  },
};

/** The peers that each suite has. */
export const SUITE_PEERS: Readonly<Record<Suite, readonly Peer[]>> = {
  matmul: ['torch', 'jax', 'tfjs'],
  ops: ['torch'],
  train: ['torch', 'jax', 'tfjs'],
  infer: ['torch', 'ort-web', 'ort-node'],
  memory: ['torch'],
};

/** Something wrong with what the user typed; the message is all that is shown. */
export class UsageError extends Error {}

/** What the user asked for. */
export interface BenchOptions {
  readonly suite: Suite | GPUSuite | 'report';
  readonly engine: 'simd' | 'cpu' | 'webgpu';
  /** undefined: what each case is about. */
  readonly threads: number | undefined;
  readonly avx2: boolean;
  /** One of the sizes that a suite has; undefined: all but the tiny one. */
  readonly size: string | undefined;
  readonly peers: readonly Peer[];
  /** Where PyTorch computes beside the GPU engine. */
  readonly torchDevice: 'cuda' | 'cpu';
  /** Part of the name of the cases that are wanted. */
  readonly only: string | undefined;
  /** What a peer may take for the steps of a case before it makes fewer. */
  readonly slowPeerSeconds: number | undefined;
  readonly quick: boolean;
  readonly json: boolean;
  /** A file that gets the JSON document after each case. */
  readonly save: string | undefined;
  /** A saved document that the report's tables are made of, in place of measurements. */
  readonly from: string | undefined;
  readonly help: boolean;
}

/** What `--help` prints. */
export const HELP = `Measures Formers against PyTorch and the JavaScript peers, in alternating runs: on the CPU, or on the GPU.

  npx pnpm@12 bench <matmul|ops|train|infer|memory> [options]
  npx pnpm@12 bench report            all of them, and the tables in apps/bench/README.md
  npx pnpm@12 bench <matmul|train|infer|memory|profile> --engine webgpu [options]
  npx pnpm@12 bench report --engine webgpu
                                      all of these, and the tables of the GPU; not with a GPU in software
  npx pnpm@12 bench dispatches        what a step of training asks of a GPU; see bench dispatches --help
  npx pnpm@12 bench pack <folder>     what the commands on the GPU need, for a machine without a network; see bench pack --help

  --engine simd|cpu|webgpu
                       Formers' own engine, plain tfjs-backend-cpu, or the GPU (default simd)
  --threads <n>        for every contestant that has threads (default what each case is about)
  --no-avx2            Formers without AVX2
  --size <name>        of train and memory: ${Object.keys(TRAIN_SIZES).join(', ')};
                       with --engine webgpu, of every suite (default all but tiny; of a GPU in software, tiny)
  --peers <names>      ${PEERS.join(',')} or none (default all; what isn't there is installed, or told of)
  --torch-device cuda|cpu
                       with --engine webgpu: where PyTorch computes (default cuda; cpu is for comparing numbers)
  --only <text>        only cases whose name contains it
  --slow-peer-seconds <n>
                       a JavaScript peer whose 20 steps take longer makes fewer (default 60; of report 5)
  --quick              fewer steps, to try it; figures mean little
  --json               one JSON document on standard output, nothing else
  --save <file>        the same document into a file, after each case
  --from <file>        of report: makes the tables of a saved document, and measures nothing
  --help               this text

  npx pnpm@12 bench train --size a --peers torch
  npx pnpm@12 bench matmul --threads 1 --json > matmul.json
  npx pnpm@12 bench matmul --engine webgpu --size 2048

The exit code is 1 if a result is wrong or an argument is; an absent peer or a slow result is only told of.
`;

/** Reads the command line. @throws {@link UsageError} naming what is wrong. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parse(args);
  const [first, ...others] = positionals;
  const help = values.help === true;
  const engine = oneOf('--engine', values.engine ?? 'simd', ['simd', 'cpu', 'webgpu'] as const);
  const suites = engine === 'webgpu' ? GPU_SUITES : SUITES;
  if (!help && first === undefined)
    throw new UsageError(`say what to measure: ${suites.join(', ')} or report; see --help`);
  if (others.length > 0) throw new UsageError(`${JSON.stringify(others[0])} is one argument too many; see --help`);
  if (first === 'profile' && engine !== 'webgpu') throw new UsageError('profile is for --engine webgpu');
  const where = engine === 'webgpu' ? 'the first argument with --engine webgpu' : 'the first argument';
  const suite = oneOf(where, first ?? 'report', [...suites, 'report'] as const);
  if (!help) checkCombination(suite, engine, values);
  return {
    suite,
    engine,
    threads:
      values.threads === undefined ? undefined : wholeNumber('--threads', values.threads, { least: 1, most: 64 }),
    avx2: values['no-avx2'] !== true,
    size: values.size === undefined ? undefined : oneOf('--size', values.size, sizesOf(suite, engine)),
    peers: readPeers(values.peers),
    torchDevice: oneOf('--torch-device', values['torch-device'] ?? 'cuda', ['cuda', 'cpu'] as const),
    only: values.only,
    slowPeerSeconds:
      values['slow-peer-seconds'] === undefined
        ? undefined
        : wholeNumber('--slow-peer-seconds', values['slow-peer-seconds'], { least: 1, most: 3600 }),
    quick: values.quick === true,
    json: values.json === true,
    save: values.save,
    from: values.from,
    help,
  };
}

/** Flags that a report takes; all others make less of it, or something else. */
const REPORT_FLAGS: readonly string[] = ['quick', 'json', 'save', 'from', 'slow-peer-seconds'];

function checkCombination(suite: string, engine: string, values: Readonly<Record<string, unknown>>): void {
  const given = (...flags: readonly string[]): string | undefined => flags.find((flag) => values[flag] !== undefined);
  if (suite === 'report') {
    const isTried = engine === 'webgpu' && values['size'] !== undefined;
    const allowed = engine === 'webgpu' ? [...REPORT_FLAGS, 'engine'] : REPORT_FLAGS;
    const narrowed = Object.keys(values).find((flag) => !allowed.includes(flag));
    if (narrowed !== undefined && !isTried)
      throw new UsageError(`report measures everything: --${narrowed} is for single suites`);
  } else if (given('from')) throw new UsageError('--from is for report');
  const ofProcessor = given('threads', 'no-avx2');
  if (engine === 'webgpu' && ofProcessor !== undefined)
    throw new UsageError(`--${ofProcessor} is for the processor, not for --engine webgpu`);
  if (engine !== 'webgpu' && given('torch-device')) throw new UsageError('--torch-device is for --engine webgpu');
}

function sizesOf(suite: BenchOptions['suite'], engine: BenchOptions['engine']): readonly string[] {
  const sizes = SIZES[engine === 'webgpu' ? 'webgpu' : 'cpu'];
  const found = suite === 'ops' ? undefined : sizes[suite];
  if (!found) throw new UsageError(`--size is for ${Object.keys(sizes).join(' and ')}, not for ${suite}`);
  return found;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      strict: true,
      options: {
        engine: { type: 'string' },
        threads: { type: 'string' },
        'no-avx2': { type: 'boolean' },
        size: { type: 'string' },
        peers: { type: 'string' },
        'torch-device': { type: 'string' },
        only: { type: 'string' },
        'slow-peer-seconds': { type: 'string' },
        quick: { type: 'boolean' },
        json: { type: 'boolean' },
        save: { type: 'string' },
        from: { type: 'string' },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    const [line = 'malformed options'] = (error as Error).message.split('\n');
    throw new UsageError(`${line.split('. To specify')[0]}; see --help`);
  }
}

function readPeers(text: string | undefined): readonly Peer[] {
  if (text === undefined) return PEERS;
  if (text === 'none') return [];
  return text.split(',').map((name) => oneOf('--peers', name, PEERS));
}

function oneOf<const Choice extends string>(where: string, value: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === value);
  if (found === undefined)
    throw new UsageError(`${where} must be one of ${choices.join(', ')}, got ${JSON.stringify(value)}`);
  return found;
}

function wholeNumber(where: string, text: string, { least, most }: { least: number; most: number }): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most))
    throw new UsageError(`${where} must be a whole number from ${least} to ${most}, got ${JSON.stringify(text)}`);
  return value;
}
