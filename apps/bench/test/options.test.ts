import { describe, expect, it } from 'vitest';

import { parseOptions, UsageError } from '../src/options.ts';

describe('parseOptions', () => {
  it('reads every flag', () => {
    const args =
      'train --engine cpu --threads 1 --no-avx2 --size c --peers torch,jax --only 2 --slow-peer-seconds 9 --quick --json --save a.json'.split(
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
      torchDevice: 'cuda',
      save: 'a.json',
      from: undefined,
      help: false,
    });
  });

  it('takes all peers and both numbers of threads by default, and none of the peers when told', () => {
    expect(parseOptions(['matmul'])).toMatchObject({ engine: 'simd', threads: undefined, avx2: true, size: undefined });
    expect(parseOptions(['matmul']).peers).toHaveLength(5);
    expect(parseOptions(['matmul', '--peers', 'none']).peers).toEqual([]);
  });

  it('has suites, sizes and devices of its own for the GPU', () => {
    const options = 'matmul --engine webgpu --size 4096 --torch-device cpu'.split(' ');
    expect(parseOptions(options)).toMatchObject({
      suite: 'matmul',
      engine: 'webgpu',
      size: '4096',
      torchDevice: 'cpu',
    });
    expect(parseOptions(['profile', '--engine', 'webgpu'])).toMatchObject({ suite: 'profile', size: undefined });
    const tried = 'report --engine webgpu --size tiny --peers torch'.split(' ');
    expect(parseOptions(tried)).toMatchObject({ suite: 'report', size: 'tiny', peers: ['torch'] });
  });

  it.each([
    [
      ['ops'],
      /the first argument with --engine webgpu must be one of matmul, train, infer, memory, profile, report, got "ops"/,
    ],
    [['matmul', '--size', '17'], /--size must be one of 512, 1024, 2048, 4096, tiny, gpt2, got "17"/],
    [['train', '--size', 'b'], /--size must be one of a, d, gpt2, tiny, got "b"/],
    [['report', '--size', 'a'], /--size must be one of tiny, got "a"/],
    [['report', '--peers', 'torch'], /report measures everything: --peers is for single suites/],
    [['train', '--threads', '2'], /--threads is for the processor, not for --engine webgpu/],
    [['train', '--no-avx2'], /--no-avx2 is for the processor/],
    [['train', '--torch-device', 'gpu'], /--torch-device must be one of cuda, cpu, got "gpu"/],
  ])('refuses %j on the GPU in one line', (args, message) => {
    const all = [...args, '--engine', 'webgpu'];
    expect(() => parseOptions(all)).toThrow(UsageError);
    expect(() => parseOptions(all)).toThrow(message);
    expect(() => parseOptions(all)).not.toThrow(/\n/);
  });

  it.each([
    [[], /say what to measure/],
    [['speed'], /must be one of matmul, ops, train, infer, memory, report, got "speed"/],
    [['matmul', 'ops'], /"ops" is one argument too many/],
    [['matmul', '--fast'], /Unknown option '--fast'/],
    [['matmul', '--engine', 'gpu'], /--engine must be one of simd, cpu, webgpu, got "gpu"/],
    [['matmul', '--threads', '0'], /--threads must be a whole number from 1 to 64, got "0"/],
    [['matmul', '--threads', '2.5'], /--threads must be a whole number/],
    [['matmul', '--peers', 'torch,numpy'], /--peers must be one of .*, got "numpy"/],
    [['matmul', '--peers', ''], /--peers must be one of/],
    [['train', '--size', 'z'], /--size must be one of a, b, c, d,.* got "z"/],
    [['ops', '--size', 'a'], /--size is for train and memory, not for ops/],
    [['report', '--size', 'tiny'], /report measures everything: --size/],
    [['report', '--engine', 'cpu'], /report measures everything: --engine/],
    [['train', '--from', 'a.json'], /--from is for report/],
    [['train', '--torch-device', 'cpu'], /--torch-device is for --engine webgpu/],
    [['profile'], /profile is for --engine webgpu/],
    [['report', '--peers', 'torch'], /report measures everything: --peers is for single suites/],
    [['matmul', '--only'], /argument missing/],
  ])('refuses %j in one line', (args, message) => {
    expect(() => parseOptions(args)).toThrow(UsageError);
    expect(() => parseOptions(args)).toThrow(message);
    expect(() => parseOptions(args)).not.toThrow(/\n/);
  });
});
