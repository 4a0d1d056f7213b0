import { describe } from 'vitest';

import { opSuite } from '../../testing/src/op-suite/index.ts';
import { simd } from '../src/index.ts';

// In one file, so that the references are computed once.
describe('AVX2, 2 threads', () => void opSuite(simd({ threads: 2 })));
describe('AVX2, 1 thread', () => void opSuite(simd({ threads: 1 })));
describe('relaxed SIMD without AVX2', () => void opSuite(simd({ threads: 2, avx2: false })));
describe('plain SIMD', () => void opSuite(simd({ threads: 2, relaxedSimd: false, avx2: false })));
