import type { TensorInfo } from '@tensorflow/tfjs-core';

import { accessors, type HalfElement, isHalf, packedElement, throughAccessors } from './halves.ts';

/** What elements of a buffer are for the code of a shader. */
export type Element = 'f32' | 'i32' | 'u32' | 'vec2<f32>' | 'vec4<f32>';

/** The parts of a shader that its source doesn't say itself. */
export interface ShaderInterface {
  /** Names the source: the same key means the same source (for the same bindings). */
  readonly key: string;
  /** Buffers that are read, then those that are written (and may be read), by name, in the order of their bindings. */
  readonly reads: readonly (readonly [name: string, element: Element | HalfElement])[];
  readonly writes: readonly (readonly [name: string, element: Element | HalfElement])[];
  /** Names of whole numbers (u32), then of float32 numbers, in the uniform buffer `u`. */
  readonly counts: readonly string[];
  readonly numbers: readonly string[];
}

/** The whole source of a shader: its code after declarations of `x`, `y`, ... as arrays, and of `u.rows`, `u.scale`, ... */
export function sourceOf({ reads, writes, counts, numbers }: ShaderInterface, code: string): string {
  const buffers = [...reads.map((entry) => ['read', ...entry]), ...writes.map((entry) => ['read_write', ...entry])];
  const fields = [...counts.map((name) => `${name}: u32`), ...numbers.map((name) => `${name}: f32`)];
  const halves = [...reads, ...writes].filter(([, element]) => isHalf(element)).map(([name]) => name);
  return [
    ...buffers.map(
      ([access, name, element = ''], i) =>
        `@group(0) @binding(${i}) var<storage, ${access}> ${name}: array<${isHalf(element) ? packedElement(element) : element}>;`,
    ),
    ...(fields.length > 0
      ? [`struct Uniforms { ${fields.join(', ')} }`, `@group(0) @binding(${buffers.length}) var<uniform> u: Uniforms;`]
      : []),
    ...(halves.length > 0 ? [accessors(reads, writes)] : []),
    throughAccessors(code, halves),
  ].join('\n');
}

/** All that tells one pipeline from another. */
export function pipelineKey({ key, reads, writes, counts, numbers }: ShaderInterface): string {
  return [key, reads.join(), writes.join(), counts.join(), numbers.join()].join('|');
}

/** A tensor, or a tensor whose elements a shader takes several at a time. */
export type Bound = TensorInfo | { readonly tensor: TensorInfo; readonly as: Element };

/** One dispatch of a shader. */
export interface ShaderCall {
  /** Names the code; see {@link ShaderInterface}. */
  readonly key: string;
  /** WGSL without the declarations of buffers and uniforms; its entry point is `main`. Asked for only when the pipeline is new. */
  readonly code: () => string;
  readonly reads: Readonly<Record<string, Bound>>;
  readonly writes: Readonly<Record<string, Bound>>;
  /** Whole numbers, `u.name` in the code. */
  readonly counts?: Readonly<Record<string, number>>;
  /** float32 numbers, `u.name` in the code. */
  readonly numbers?: Readonly<Record<string, number>>;
  readonly workgroups: readonly [x: number, y?: number, z?: number];
}

/** The tensor of what is bound. */
export function tensorOf(bound: Bound): TensorInfo {
  return 'tensor' in bound ? bound.tensor : bound;
}

/** Its elements in WGSL. */
export function elementOf(bound: Bound): Element {
  if ('as' in bound) return bound.as;
  return bound.dtype === 'float32' ? 'f32' : 'i32';
}
