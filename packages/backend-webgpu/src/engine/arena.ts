import type { DataId, TensorInfo } from '@tensorflow/tfjs-core';

import type { Arena, OpenBackend, TensorData } from './tfjs-backend.ts';

/** What is needed of the backend. */
interface ArenaBackend extends OpenBackend {
  output(shape: readonly number[]): TensorInfo;
  copy(from: TensorInfo, to: TensorInfo, start?: number): void;
}

/** Where tensors lie in one buffer, in elements. */
export interface ArenaPlaces {
  /** Where each of them begins; multiples of 64. */
  readonly starts: readonly number[];
  /** Of all together. */
  readonly size: number;
}

/**
 * Moves tensors' values into one buffer, to be worked on together, unless they lie there already. Returns the buffer as a tensor [size], which lives as long as one of them
 * lies there.
 */
export function adopt(
  backend: ArenaBackend,
  tensors: readonly TensorInfo[],
  { starts, size }: ArenaPlaces,
): TensorInfo {
  const datas = tensors.map(({ dataId }) => backend.tensorMap.get(dataId));
  const known = datas[0]?.arena;
  const isThere = datas.every(({ arena, offset }, i) => arena === known && offset === 4 * (starts[i] as number));
  if (known && isThere && known.members === tensors.length && known.values.shape[0] === size) return known.values;
  const arena: Arena = { values: backend.output([size]), members: tensors.length };
  tensors.forEach((tensor, i) => {
    const start = starts[i] as number;
    backend.copy(tensor, arena.values, start);
    backend.releaseResource(tensor.dataId);
    const { resource } = backend.tensorMap.get(arena.values.dataId);
    Object.assign(datas[i] as TensorData, { resource, offset: 4 * start, arena });
  });
  return arena.values;
}

/** Takes a tensor out of its arena, without values; false where it lies in none. */
export function releaseArena(backend: OpenBackend, dataId: DataId): boolean {
  const data = backend.tensorMap.get(dataId);
  if (!data?.arena) return false;
  const { arena } = data;
  data.resource = null;
  delete data.arena;
  delete data.offset;
  if (--arena.members === 0) backend.disposeData(arena.values.dataId);
  return true;
}

/** Gives a tensor a buffer of its own, for tfjs's methods that know no others. */
export function leaveArena(backend: ArenaBackend, dataId: DataId): void {
  const data = backend.tensorMap.get(dataId);
  if (!data.arena) return;
  const { shape, dtype } = data;
  const copy = backend.makeTensorInfo(shape, dtype);
  backend.copy({ dataId, shape, dtype }, copy);
  backend.releaseResource(dataId);
  const own = backend.tensorMap.get(copy.dataId);
  data.resource = own.resource ?? null;
  own.resource = null;
  backend.disposeData(copy.dataId);
}
