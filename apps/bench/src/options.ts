import { parseArgs } from 'node:util';

import { type Peer, PEERS } from './harness/contestants.ts';
import { TRAIN_SIZES } from './suites/train-sizes.ts';

/** What can be measured; `report` is all of it, and the table in the README. */
export const SUITES = ['matmul', 'ops', 'train', 'infer', 'memory'] as const;

/** Name of a suite. */
export type Suite = (typeof SUITES)[number];

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
  readonly suite: Suite | 'report';
  readonly engine: 'simd' | 'cpu';
  /** undefined: what each case is about. */
  readonly threads: number | undefined;
  readonly avx2: boolean;
  /** Sizes of `train` and `memory`; undefined: all but the tiny one. */
  readonly size: string | undefined;
  readonly peers: readonly Peer[];
  /** Part of the name of the cases that are wanted. */
  readonly only: string | undefined;
  /** What a peer may take for the steps of a case before it makes fewer. */
  readonly slowPeerSeconds: number | undefined;
  readonly quick: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

/** What `--help` prints. */
export const HELP = `Measures Formers on the CPU against PyTorch and the JavaScript peers, in alternating runs.

  npx pnpm@12 bench <matmul|ops|train|infer|memory> [options]
  npx pnpm@12 bench dispatches        what a step of training asks of a GPU; see bench dispatches --help
  npx pnpm@12 bench report            all of them but dispatches, and the tables in apps/bench/README.md

  --engine simd|cpu    Formers' own engine, or plain tfjs-backend-cpu (default simd)
  --threads <n>        for every contestant that has threads (default what each case is about)
  --no-avx2            Formers without AVX2
  --size <name>        of train and memory: ${Object.keys(TRAIN_SIZES).join(', ')}
  --peers <names>      ${PEERS.join(',')} or none (default all; what isn't there is installed, or told of)
  --only <text>        only cases whose name contains it
  --slow-peer-seconds <n>
                       a JavaScript peer whose 20 steps take longer makes fewer (default 60; of report 5)
  --quick              fewer steps, to try it; figures mean little
  --json               one JSON document on standard output, nothing else
  --help               this text

  npx pnpm@12 bench train --size a --peers torch
  npx pnpm@12 bench matmul --threads 1 --json > matmul.json

The exit code is 1 if a result is wrong or an argument is; an absent peer or a slow result is only told of.
`;

/** Reads the command line. @throws {@link UsageError} naming what is wrong. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parse(args);
  const [suite, ...others] = positionals;
  const help = values.help === true;
  if (!help && suite === undefined)
    throw new UsageError(`say what to measure: ${SUITES.join(', ')} or report; see --help`);
  if (others.length > 0) throw new UsageError(`${JSON.stringify(others[0])} is one argument too many; see --help`);
  const name = oneOf('the first argument', suite ?? 'report', [...SUITES, 'report'] as const);
  const narrowed = Object.keys(values).find((flag) => !['quick', 'json', 'help', 'slow-peer-seconds'].includes(flag));
  if (name === 'report' && narrowed !== undefined && !help)
    throw new UsageError(`report measures everything: --${narrowed} is for single suites`);
  if (values.size !== undefined && name !== 'train' && name !== 'memory')
    throw new UsageError(`--size is for train and memory, not for ${name}`);
  return {
    suite: name,
    engine: oneOf('--engine', values.engine ?? 'simd', ['simd', 'cpu'] as const),
    threads:
      values.threads === undefined ? undefined : wholeNumber('--threads', values.threads, { least: 1, most: 64 }),
    avx2: values['no-avx2'] !== true,
    size: values.size === undefined ? undefined : oneOf('--size', values.size, Object.keys(TRAIN_SIZES)),
    peers: readPeers(values.peers),
    only: values.only,
    slowPeerSeconds:
      values['slow-peer-seconds'] === undefined
        ? undefined
        : wholeNumber('--slow-peer-seconds', values['slow-peer-seconds'], { least: 1, most: 3600 }),
    quick: values.quick === true,
    json: values.json === true,
    help,
  };
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
        only: { type: 'string' },
        'slow-peer-seconds': { type: 'string' },
        quick: { type: 'boolean' },
        json: { type: 'boolean' },
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
