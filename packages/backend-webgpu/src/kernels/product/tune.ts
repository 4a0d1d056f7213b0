import type { FormersWebGPUBackend } from '../../backend.ts';
import { multiply } from './product.ts';
import { type Tile, TILES } from './tiles.ts';

/** Remembers which tiles suit a device, such as `localStorage`. */
export interface TileStore {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** Options of {@link tuneTiles}. */
export interface TuneOptions {
  /** Names the device, in the store. */
  readonly device: string;
  readonly store?: TileStore | undefined;
  /** Rows, columns and depth of the product that is measured. */
  readonly size?: number;
  /** Times that each tile is measured; the fastest counts. */
  readonly rounds?: number;
}

/** Share of the fastest tile's rate that a tile needs to be kept: smaller ones waste less at edges and fill a GPU sooner. */
const WORTH = 0.5;

/**
 * Measures how fast a device is with each tile, and keeps those up to the fastest that are not slow; {@link chooseTile} takes the largest that fits. All tiles sum in the
 * same order, so that the choice changes no result. Takes some tens of milliseconds on a GPU; a store saves it the next time.
 */
export async function tuneTiles(
  backend: FormersWebGPUBackend,
  { device, store, size = 1024, rounds = 3 }: TuneOptions,
): Promise<readonly Tile[]> {
  const key = `formers-webgpu tiles ${TILES.map(({ name }) => name).join()} ${device}`;
  const known = store?.getItem(key)?.split(',');
  const remembered = TILES.filter(({ name }) => known?.includes(name));
  if (remembered.length > 0) return remembered;
  const times: number[] = [];
  const [a, b, c] = [0, 1, 2].map(() => backend.output([size, size]));
  if (!a || !b || !c) return TILES;
  const problem = { rows: size, columns: size, depth: size, a: { tensor: a }, c: { tensor: c } };
  for (const tile of TILES) {
    let fastest = Infinity;
    for (let round = 0; round <= rounds; round++) {
      const start = performance.now();
      multiply(backend, { ...problem, b: { tensor: b, transposed: true }, tile });
      backend.submitQueue();
      await backend.queue.onSubmittedWorkDone();
      if (round > 0) fastest = Math.min(fastest, performance.now() - start); // the first one compiles
    }
    times.push(fastest);
  }
  for (const { dataId } of [a, b, c]) backend.disposeData(dataId);
  const tiles = worthwhile(times);
  store?.setItem(key, tiles.map(({ name }) => name).join());
  return tiles;
}

/** The fastest tile and the smaller ones that are not slow; the smallest always, for small products. */
export function worthwhile(times: readonly number[]): readonly Tile[] {
  const best = times.indexOf(Math.min(...times));
  return TILES.filter((_, i) => i === 0 || (i <= best && (times[best] as number) / (times[i] as number) >= WORTH));
}
