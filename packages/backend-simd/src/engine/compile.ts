import { kernelModules } from '../kernels.gen.js';
import { nodeProcess } from './platform.ts';

/** A build of the kernels. */
export type Build = keyof typeof kernelModules;

/** Flags for the compilation of one module; both default to how the process was started. */
export interface CompileOptions {
  readonly build: Build;
  /** Lets V8 turn pairs of 128-bit instructions into AVX2. */
  readonly avx2: boolean;
}

/**
 * Compiles the kernels. In Node, V8 optimizes them at once: its quick first compiler would make the first training steps several times slower. Its flags
 * are set back afterwards.
 */
export async function compileKernels({ build, avx2 }: CompileOptions): Promise<WebAssembly.Module> {
  const code = Uint8Array.from(atob(kernelModules[build]), (character) => character.charCodeAt(0));
  // V8 keeps compiled modules by their bytes: what is compiled with other flags has to differ, by a custom section named 0 or 1.
  const mark = [0, 2, 1, avx2 ? 0x31 : 0x30];
  const bytes = new Uint8Array(code.length + mark.length);
  bytes.set(code);
  bytes.set(mark, code.length);
  const node = nodeProcess();
  if (!node?.versions.v8) return WebAssembly.compile(bytes);
  const v8 = node.getBuiltinModule('node:v8');
  const flags = ['liftoff', 'wasm-lazy-compilation', 'wasm-dynamic-tiering'];
  for (const flag of flags) v8.setFlagsFromString(`--no-${flag}`);
  if (avx2) v8.setFlagsFromString(REVECTORIZE);
  try {
    return new WebAssembly.Module(bytes);
  } finally {
    for (const flag of flags) v8.setFlagsFromString(`--${flag}`);
    if (avx2) v8.setFlagsFromString(REVECTORIZE.replace('--', '--no-'));
  }
}

const REVECTORIZE = '--experimental-wasm-revectorize';

/** Whether this V8 knows how to turn 128-bit WASM SIMD into AVX2: x86-64, Node 23.5 or later. */
export function hasRevectorizer(): boolean {
  const node = nodeProcess();
  if (node?.arch !== 'x64') return false;
  const [major = 0, minor = 0] = node.versions.node.split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 5);
}

/** Whether relaxed SIMD (fused multiply-add) is there. */
export function hasRelaxedSimd(): boolean {
  // (module (func (param v128 v128 v128) (result v128) local.get 0 local.get 1 local.get 2 f32x4.relaxed_madd))
  return WebAssembly.validate(
    Uint8Array.of(
      0,
      97,
      115,
      109,
      1,
      0,
      0,
      0,
      1,
      8,
      1,
      96,
      3,
      123,
      123,
      123,
      1,
      123,
      3,
      2,
      1,
      0,
      10,
      13,
      1,
      11,
      0,
      32,
      0,
      32,
      1,
      32,
      2,
      253,
      133,
      2,
      11,
    ),
  );
}

/** Whether there is SIMD at all. */
export function hasSimd(): boolean {
  // (module (func (result v128) i32.const 0 i8x16.splat))
  return WebAssembly.validate(
    Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11),
  );
}
