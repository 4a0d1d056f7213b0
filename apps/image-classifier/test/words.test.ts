import { describe, expect, it } from 'vitest';

import { bytes, describeEngine, messageOf, milliseconds, percent } from '../src/page/words.ts';

const simd = {
  name: 'formers-simd',
  device: 'WebAssembly',
  threads: 4,
  features: ['relaxed-simd', 'tile 6x8'],
  passedOver: [],
};

describe('describeEngine', () => {
  it('names the engine and its threads', () => {
    expect(describeEngine(simd)).toEqual({ badge: 'SIMD · 4 threads', reason: '' });
  });

  it('names the GPU', () => {
    const gpu = { ...simd, name: 'formers-webgpu', device: 'apple metal-3', threads: 1, features: [] };
    expect(describeEngine(gpu)).toEqual({ badge: 'WebGPU · apple metal-3', reason: '' });
  });

  it('says why there is one thread only', () => {
    const alone = {
      ...simd,
      threads: 1,
      features: [...simd.features, 'one thread, as the page is not cross-origin isolated'],
    };
    expect(describeEngine(alone)).toEqual({
      badge: 'SIMD · 1 thread',
      reason: 'One thread, as the page is not cross-origin isolated.',
    });
  });

  it('says why it is plain JavaScript, each reason once', () => {
    const reason = 'this machine has no WebAssembly SIMD';
    const cpu = {
      name: 'cpu',
      device: 'JavaScript',
      threads: 1,
      features: [],
      passedOver: [
        { name: 'formers-simd', reason },
        { name: 'formers-simd', reason },
      ],
    };
    expect(describeEngine(cpu)).toEqual({
      badge: 'JavaScript · 1 thread',
      reason: 'SIMD did not start: this machine has no WebAssembly SIMD.',
    });
  });
});

describe('numbers and messages', () => {
  it('have fixed forms', () => {
    expect([percent(0.98249), percent(1), percent(0)]).toEqual(['98.2 %', '100.0 %', '0.0 %']);
    expect([bytes(812), bytes(98_140), bytes(12_345_678), bytes(346e6)]).toEqual([
      '0.8 kB',
      '98.1 kB',
      '12.3 MB',
      '346 MB',
    ]);
    expect([milliseconds(3.14), milliseconds(250.4)]).toEqual(['3.1 ms', '250 ms']);
  });

  it('leave out the function that an error names first', () => {
    expect(messageOf(new Error('decodeImage: wanted png, got text'))).toBe('Wanted png, got text.');
    expect(messageOf(new Error('ImageProcessor.process: no'))).toBe('No.');
    expect(messageOf('why?')).toBe('Why?');
  });
});
