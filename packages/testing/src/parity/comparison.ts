import type { Tolerance } from './case.ts';

/** Collects comparisons of one case and remembers the worst error. */
export class Comparison {
  compared = 0;
  worst = 0;
  /** Where the worst error is, or what else is wrong. */
  detail = '';

  /** Compares number by number; `counts(i)` says whether number i has to agree. */
  numbers(name: string, found: ArrayLike<number>, { expected, tolerance, counts = () => true }: NumbersRequest): void {
    if (found.length !== expected.length)
      return this.wrong(`${name}: ${found.length} values instead of ${expected.length}`);
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
}

function cut(text: string | undefined): string {
  return text === undefined ? 'nothing' : text.length > 160 ? `${text.slice(0, 160)}…` : text;
}
