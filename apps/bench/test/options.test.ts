import { describe, expect, it } from 'vitest';

import { parseOptions, UsageError } from '../src/options.ts';

describe('parseOptions', () => {
  it('reads every flag', () => {
    const args =
      'train --engine cpu --threads 1 --no-avx2 --size c --peers torch,jax --only 2 --slow-peer-seconds 9 --quick --json'.split(
        ' ',
      );
    expect(parseOptions(args)).toEqual({
      suite: 'train',
      engine: 'cpu',
      threads: 1,
      avx2: false,
      size: 'c',
      peers: ['torch', 'jax'],
      only: '2',
      slowPeerSeconds: 9,
      quick: true,
      json: true,
      help: false,
    });
  });

  it('takes all peers and both numbers of threads by default, and none of the peers when told', () => {
    expect(parseOptions(['matmul'])).toMatchObject({ engine: 'simd', threads: undefined, avx2: true, size: undefined });
    expect(parseOptions(['matmul']).peers).toHaveLength(5);
    expect(parseOptions(['matmul', '--peers', 'none']).peers).toEqual([]);
  });

  it.each([
    [[], /say what to measure/],
    [['speed'], /must be one of matmul, ops, train, infer, memory, report, got "speed"/],
    [['matmul', 'ops'], /"ops" is one argument too many/],
    [['matmul', '--fast'], /Unknown option '--fast'/],
    [['matmul', '--engine', 'gpu'], /--engine must be one of simd, cpu, got "gpu"/],
    [['matmul', '--threads', '0'], /--threads must be a whole number from 1 to 64, got "0"/],
    [['matmul', '--threads', '2.5'], /--threads must be a whole number/],
    [['matmul', '--peers', 'torch,numpy'], /--peers must be one of .*, got "numpy"/],
    [['matmul', '--peers', ''], /--peers must be one of/],
    [['train', '--size', 'z'], /--size must be one of a, b, c, d,.* got "z"/],
    [['ops', '--size', 'a'], /--size is for train and memory/],
    [['report', '--peers', 'torch'], /report measures everything: --peers is for single suites/],
    [['matmul', '--only'], /argument missing/],
  ])('refuses %j in one line', (args, message) => {
    expect(() => parseOptions(args)).toThrow(UsageError);
    expect(() => parseOptions(args)).toThrow(message);
    expect(() => parseOptions(args)).not.toThrow(/\n/);
  });
});
