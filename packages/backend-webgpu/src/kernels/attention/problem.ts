import type { AttendAttributes } from '@formers/backend';
import type { AttentionLayout, AttentionOperand, HeadStrides } from '@formers/backend/engine';
import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { Bound } from '../../engine/shader.ts';
import { activationCode } from '../activation.ts';
import { input, type KernelCall } from '../kernel.ts';
import { DROPOUT_WGSL, dropoutCounts, dropoutNumbers } from '../random.ts';

/** One attention: everything that its shaders read, and their code for it. */
export interface Problem {
  readonly layout: AttentionLayout;
  readonly attributes: AttendAttributes;
  /** Tells one variant of the code from another. */
  readonly key: string;
  /** Whether operands are read four numbers at a time. */
  readonly isVector: boolean;
  /** q, k, v, and mask and bias where there are. */
  readonly reads: Readonly<Record<string, Bound>>;
  readonly counts: Readonly<Record<string, number>>;
  readonly numbers: Readonly<Record<string, number>>;
  /** WGSL functions: `place(batch, head)`, then `qAt(row, part)` (and k, v), four numbers of a row, and `scoreAt`, `sees`, `keptAt` of a query and four keys. */
  readonly functions: string;
}

/** How {@link problemOf} binds a tensor whose rows are read by vectors, if they may be. */
export function bindRows(tensor: TensorInfo, isVector: boolean): Bound {
  return isVector ? { tensor, as: 'vec4<f32>' } : tensor;
}

function strideCounts(name: string, [batch, head, row]: HeadStrides, first = 0): Record<string, number> {
  return { [`${name}First`]: first, [`${name}Batch`]: batch, [`${name}Head`]: head, [`${name}Row`]: row };
}

/** Strides of a tensor that is broadcast to [batch, heads, queries, keys]; 0 along axes where it is repeated. */
function broadcastStrides(tensor: TensorInfo, full: readonly number[]): number[] {
  const shape = [...full.map(() => 1), ...tensor.shape].slice(-4);
  const strides = shape.map(() => 0);
  let stride = 1;
  for (let axis = 3; axis >= 0; axis--) {
    const size = shape[axis] as number;
    if (size > 1) strides[axis] = stride;
    stride *= size;
  }
  return strides;
}

/** The problem of one call. */
export function problemOf({ inputs, attributes }: KernelCall<AttendAttributes>, layout: AttentionLayout): Problem {
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim, q, k, v, yStrides } = layout;
  const { mask, bias } = inputs;
  const { dropout, softCap, scale, causal, queryOffset, window } = attributes;
  const isVector = headDim % 4 === 0 && valueDim % 4 === 0;
  const operand = ({ name }: AttentionOperand) => bindRows(input({ inputs }, name), isVector);
  const full = [batch, heads, queries, keys];
  const repeated = (name: string, tensor: TensorInfo | undefined) => {
    if (!tensor) return {};
    const [perBatch = 0, perHead = 0, perQuery = 0, perKey = 0] = broadcastStrides(tensor, full);
    return { ...strideCounts(name, [perBatch, perHead, perQuery]), [`${name}Key`]: perKey };
  };
  return {
    layout,
    attributes,
    isVector,
    key: [isVector ? 'vectors' : 'scalars', mask && 'mask', bias && 'bias', softCap > 0 && 'cap', dropout && 'dropout']
      .filter(Boolean)
      .join(),
    reads: { q: operand(q), k: operand(k), v: operand(v), ...(mask && { mask }), ...(bias && { bias }) },
    counts: {
      ...{ heads, group: heads / kvHeads, queries, keys, headDim, valueDim },
      ...{ causal: causal ? 1 : 0, queryOffset, window },
      ...strideCounts('q', q.strides, q.first),
      ...strideCounts('k', k.strides, k.first),
      ...strideCounts('v', v.strides, v.first),
      ...strideCounts('y', yStrides),
      ...repeated('mask', mask),
      ...repeated('bias', bias),
      ...(dropout && dropoutCounts(dropout)),
    },
    numbers: { scale, ...(softCap > 0 && { softCap }), ...(dropout && dropoutNumbers(dropout)) },
    functions: functionsOf({ isVector, mask, bias, softCap, dropout }),
  };
}

/** `NAMEAt(row, part)`: numbers 4 · part to 4 · part + 3 of a row of the head that `place` chose; zeros beyond the tensor. */
export function rowReader(
  name: string,
  { rows, dim, isVector, strides = name }: { rows: string; dim: string; isVector: boolean; strides?: string },
): string {
  const start = `${strides}Start + row * u.${strides}Row`;
  const read = isVector
    ? `return ${name}[((${start}) >> 2u) + part];`
    : `let at = ${start} + 4u * part;
  let left = u.${dim} - 4u * part;
  return select(vec4f(), vec4f(${name}[at], ${name}[at + 1u], ${name}[at + 2u], ${name}[at + 3u]), vec4u(left) > vec4u(0u, 1u, 2u, 3u));`;
  return `
fn ${name}At(row: u32, part: u32) -> vec4f {
  if (row >= u.${rows} || 4u * part >= u.${dim}) { return vec4f(); }
  ${read}
}`;
}

type Flags = Pick<Problem, 'isVector'> &
  Pick<AttendAttributes, 'softCap' | 'dropout'> & {
    readonly mask: TensorInfo | undefined;
    readonly bias: TensorInfo | undefined;
  };

function functionsOf({ isVector, mask, bias, softCap, dropout }: Flags): string {
  const starts = ['q', 'y', ...(mask ? ['mask'] : []), ...(bias ? ['bias'] : [])];
  const four = (name: string) => [0, 1, 2, 3].map((i) => `${name}[at + ${i}u * u.${name}Key]`).join(', ');
  return `
${[...starts, 'k', 'v'].map((name) => `var<private> ${name}Start: u32;`).join('\n')}
var<private> rowsStart: u32;
fn place(batch: u32, head: u32) {
  ${starts.map((name) => `${name}Start = u.${name}First + batch * u.${name}Batch + head * u.${name}Head;`).join('\n  ')}
  ${['k', 'v'].map((name) => `${name}Start = u.${name}First + batch * u.${name}Batch + (head / u.group) * u.${name}Head;`).join('\n  ')}
  rowsStart = (batch * u.heads + head) * u.queries;
}
${rowReader('q', { rows: 'queries', dim: 'headDim', isVector })}
${rowReader('k', { rows: 'keys', dim: 'headDim', isVector })}
${rowReader('v', { rows: 'keys', dim: 'valueDim', isVector })}
${softCap > 0 ? activationCode('tanh', 'vec4<f32>') : ''}
${dropout ? DROPOUT_WGSL : ''}
fn biasAt(query: u32, key: u32) -> vec4f {
  ${bias ? `let at = biasStart + query * u.biasRow + key * u.biasKey;\n  return vec4f(${four('bias')});` : 'return vec4f();'}
}
fn sees(query: u32, key: u32) -> vec4<bool> {
  let keys = vec4i(i32(key)) + vec4i(0, 1, 2, 3);
  let position = i32(query) + i32(u.queryOffset);
  var seen = keys < vec4i(select(i32(u.keys), min(i32(u.keys), position + 1), u.causal == 1u));
  if (u.window > 0u) { seen = seen & (keys > vec4i(position - i32(u.window))); }
  ${mask ? `let at = maskStart + query * u.maskRow + key * u.maskKey;\n  seen = seen & (vec4i(${four('mask')}) != vec4i(0));` : ''}
  return seen & vec4<bool>(query < u.queries);
}
fn keptAt(query: u32, key: u32) -> vec4f {
  ${dropout ? 'return dropoutFactors((rowsStart + query) * u.keys + key);' : 'return vec4f(1.0);'}
}
/** The score before masks, and what it changes by when the product of q and k does. */
fn capped(product: vec4f) -> vec4f {
  ${softCap > 0 ? 'return activate(product * (u.scale / u.softCap));' : 'return product * u.scale;'}
}
fn scoreOf(value: vec4f) -> vec4f {
  ${softCap > 0 ? 'return value * u.softCap;' : 'return value;'}
}
fn slopeOf(value: vec4f) -> vec4f {
  ${softCap > 0 ? 'return u.scale * (1.0 - value * value);' : 'return vec4f(u.scale);'}
}`;
}
