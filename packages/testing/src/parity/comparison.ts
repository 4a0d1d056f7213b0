import type { Tolerance } from './case.ts';

/** Half of the distance between neighbouring numbers in half precision, as a share of them. */
const HALF_ROUNDING = 2 ** -11;

/**
 * With f16 storage, how many roundings a number may be off, as a share of the largest number it is compared with. Each of some eight stored numbers per layer is off by one at
 * most, in either direction, so that the error grows with the root of the layers: 32 roundings, 2^-6, are 4 standard deviations of 18 layers forward and back; half of
 * that forward alone, a fourth for a mean over all tokens, such as a loss. In a run the errors of all steps come together, and grow with the root of their number.
 */
export const ROUNDINGS = { loss: 8, forward: 16, gradients: 32 } as const;

/** Collects comparisons of one case and remembers the worst error. */
export class Comparison {
  /** Whether the engine stores large tensors in half precision: then numbers that went through such are compared by {@link ROUNDINGS}. */
  readonly isHalf: boolean;
  compared = 0;
  worst = 0;
  /** Where the worst error is, or what else is wrong. */
  detail = '';

  constructor({ isHalf = false }: { isHalf?: boolean } = {}) {
    this.isHalf = isHalf;
  }

  /** Compares number by number; `counts(i)` says whether number i has to agree. */
  numbers(
    name: string,
    found: ArrayLike<number>,
    { expected, tolerance: exact, counts = () => true, through, least = 0, stepsBefore = 0 }: NumbersRequest,
  ): void {
    if (found.length !== expected.length)
      return this.wrong(`${name}: ${found.length} values instead of ${expected.length}`);
    const tolerance =
      this.isHalf && through
        ? {
            rtol: 0,
            atol: ROUNDINGS[through] * Math.sqrt(1 + stepsBefore) * HALF_ROUNDING * Math.max(least, largest(expected)),
          }
        : exact;
    for (let i = 0; i < expected.length; i++) {
      if (!counts(i)) continue;
      const wanted = expected[i] as number;
      const value = found[i] as number;
      const share =
        Object.is(wanted, value) || wanted === value
          ? 0
          : Math.abs(value - wanted) / (tolerance.atol + tolerance.rtol * Math.abs(wanted));
      this.#note(Number.isNaN(share) ? Infinity : share, () => `${name}[${i}]: ${value} instead of ${wanted}`);
    }
  }

  /** Compares what must be exactly equal. */
  equal(name: string, found: unknown, expected: unknown): void {
    const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
    this.#note(left === right ? 0 : Infinity, () => `${name}: ${cut(left)} instead of ${cut(right)}`);
  }

  /** Notes a failure that is no matter of degree. */
  wrong(detail: string): void {
    this.#note(Infinity, () => detail);
  }

  #note(share: number, detail: () => string): void {
    this.compared++;
    if (share <= this.worst) return;
    this.worst = share;
    this.detail = detail();
  }
}

interface NumbersRequest {
  readonly expected: ArrayLike<number>;
  readonly tolerance: Tolerance;
  readonly counts?: (index: number) => boolean;
  /** What numbers that may have been stored in half precision went through. */
  readonly through?: keyof typeof ROUNDINGS | undefined;
  /** Steps of training before. */
  readonly stepsBefore?: number;
  /** The size of numbers that errors come from, if it may be larger than all that is expected, such as zero. */
  readonly least?: number;
}

/** The largest of all numbers, without signs. */
export function largest(numbers: ArrayLike<number>): number {
  let found = 0;
  for (let i = 0; i < numbers.length; i++) found = Math.max(found, Math.abs(numbers[i] as number));
  return found;
}

function cut(text: string | undefined): string {
  return text === undefined ? 'nothing' : text.length > 160 ? `${text.slice(0, 160)}…` : text;
}
