import type { DataId, TensorInfo } from '@tensorflow/tfjs-core';

import { elementwise, spread, vectorOf, WORKGROUP } from '../kernels/kernel.ts';
import { bytesOf } from './bytes.ts';
import { halfOf, type HalfElement } from './halves.ts';
import { type Bound, type Element, elementOf, type ShaderCall, tensorOf } from './shader.ts';
import type { OpenBackend } from './tfjs-backend.ts';

/** What is needed of the backend. */
interface HalfBackend extends OpenBackend {
  output(shape: readonly number[]): TensorInfo;
  run(call: ShaderCall): void;
}

/** Elements `i` of x become elements `start + i` of y, whichever of them is stored in halves. */
export function convert(
  backend: HalfBackend,
  { x, y, start = 0 }: { x: TensorInfo; y: TensorInfo; start?: number },
): void {
  const size = bytesOf(x) / 4;
  const width = size % 4 === 0 && start % 4 === 0 ? 4 : 1;
  const as = vectorOf(width);
  backend.run({
    key: 'convert',
    code: () => elementwise('y[u.start + i] = x[i];'),
    reads: { x: { tensor: x, as } },
    writes: { y: { tensor: y, as } },
    counts: { size: size / width, start: start / width },
    workgroups: spread(Math.ceil(size / width / WORKGROUP)),
  });
}

/** Calls `f`, that knows nothing of halves, with the tensors: instead of those that are stored so with copies in float32, which last as long as it runs. */
export function inFull<T, Tensors extends readonly TensorInfo[]>(
  backend: HalfBackend,
  tensors: readonly [...Tensors],
  f: (tensors: [...Tensors]) => T,
): T {
  const copies = new Map<DataId, DataId>();
  for (const { dataId, shape } of tensors) {
    if (!isStoredInHalves(backend, dataId) || copies.has(dataId)) continue;
    const y = backend.output(shape);
    convert(backend, { x: { dataId, shape, dtype: 'float32' }, y });
    copies.set(dataId, y.dataId);
  }
  try {
    return f(
      tensors.map((tensor) => ({ ...tensor, dataId: copies.get(tensor.dataId) ?? tensor.dataId })) as [...Tensors],
    );
  } finally {
    for (const copy of copies.values()) backend.disposeData(copy);
  }
}

/** Stores a tensor's values in halves from now on; what they lose is lost. Nothing where there are no four neighbours, or where the buffer isn't the tensor's own. */
export function storeInHalves(backend: HalfBackend, { dataId }: TensorInfo): void {
  const data = backend.tensorMap.get(dataId);
  const { shape, dtype, isHalf, arena, external } = data;
  if (isHalf || arena || external || dtype !== 'float32' || bytesOf(data) % 16 !== 0) return;
  const y = backend.output(shape);
  backend.tensorMap.get(y.dataId).isHalf = true;
  move(backend, { dataId, shape, dtype }, y);
}

/** Takes {@link storeInHalves} back, but for what was lost. */
export function storeInFull(backend: HalfBackend, tensor: TensorInfo): void {
  const { shape, dtype } = backend.tensorMap.get(tensor.dataId);
  move(backend, { dataId: tensor.dataId, shape, dtype }, backend.output(shape));
}

/** Gives `from` the storage of `to`, with its own values. */
function move(backend: HalfBackend, from: TensorInfo, to: TensorInfo): void {
  convert(backend, { x: from, y: to });
  const [data, made] = [backend.tensorMap.get(from.dataId), backend.tensorMap.get(to.dataId)];
  backend.releaseResource(from.dataId);
  Object.assign(data, { resource: made.resource, isHalf: made.isHalf ?? false, values: null });
  made.resource = null;
  backend.disposeData(to.dataId);
}

/** How a shader binds what it reads. */
export function readElement(backend: OpenBackend, bound: Bound): Element | HalfElement {
  const element = elementOf(bound);
  return isStoredInHalves(backend, tensorOf(bound).dataId) ? halfOf(element) : element;
}

/** How a shader binds what it writes. What may be stored in halves is if four numbers are written at a time; what has been already is stored in full from now on. */
export function writtenElement(backend: HalfBackend, bound: Bound): Element | HalfElement {
  const [element, tensor] = [elementOf(bound), tensorOf(bound)];
  const data = backend.tensorMap.get(tensor.dataId);
  if (data.isHalf && data.resource) storeInFull(backend, tensor);
  if (data.mayBeHalf) Object.assign(data, { mayBeHalf: false, isHalf: !data.resource && element === 'vec4<f32>' });
  return data.isHalf ? halfOf(element) : element;
}

/** Whether a tensor's values are halves now. */
export function isStoredInHalves(backend: OpenBackend, dataId: DataId): boolean {
  return backend.tensorMap.get(dataId).isHalf ?? false;
}
