import { ConfigError } from '@formers/backend';

/** How distances share buckets. */
export interface RelativeBucketOptions {
  /** Default 32. */
  numBuckets?: number;
  /** From this distance on, everything shares the last bucket; default 128. */
  maxDistance?: number;
  /** Whether later keys have half of the buckets for themselves (encoders), instead of sharing the one of distance 0 (decoders); default true. */
  bidirectional?: boolean;
}

/**
 * The bucket of the distance between a key and a query: one for each small distance, logarithmically wider ones farther away (Raffel et al. 2020, section 2.1). Logarithms
 * are rounded to float32 as PyTorch does, so that the borders of the buckets agree.
 *
 * @param distance Position of the key minus that of the query.
 * @throws {@link ConfigError} when there are too few buckets, or maxDistance is so small that none is left for this distance; nearer ones may have theirs, as in Transformers.
 */
export function relativeBucket(
  distance: number,
  { numBuckets = 32, maxDistance = 128, bidirectional = true }: RelativeBucketOptions = {},
): number {
  const buckets = bidirectional ? Math.floor(numBuckets / 2) : numBuckets; // for one direction
  const exact = Math.floor(buckets / 2);
  const refuse = (least: string): never => {
    const buckets = `numBuckets must be at least ${bidirectional ? 4 : 2}`;
    throw new ConfigError(`relativeBucket: ${buckets} and maxDistance ${least}, got ${numBuckets} and ${maxDistance}`);
  };
  if (exact < 1 || !(maxDistance > 0)) refuse('over 0');
  const later = bidirectional && distance > 0 ? buckets : 0;
  const away = bidirectional ? Math.abs(distance) : Math.max(0, -distance);
  if (away < exact) return later + away;
  const { fround } = Math;
  const share = fround(fround(Math.log(fround(away / exact))) / fround(Math.log(maxDistance / exact))); // 0 at exact, 1 at maxDistance
  const bucket = later + Math.min(buckets - 1, exact + Math.trunc(fround(share * (buckets - exact))));
  return bucket >= 0 && share !== Infinity ? bucket : refuse(`over ${exact} for a distance of ${distance}`);
}
