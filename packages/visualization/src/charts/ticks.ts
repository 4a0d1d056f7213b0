/** Round numbers that cover a range, at most about `count`: steps of 1, 2 or 5 times a power of ten. */
export function ticksOf([least, most]: readonly [number, number], count: number): number[] {
  if (!(most > least) || count < 1) return [least];
  const rough = (most - least) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(least / step - 1e-9);
  const last = Math.floor(most / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => rounded((first + i) * step, step));
}

/** A value with about three digits that matter, as people write it. */
export function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return String(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(1);
  return size >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}

/** Without the dust of binary fractions: 0.3, not 0.30000000000000004. */
function rounded(value: number, step: number): number {
  return Number(value.toFixed(Math.max(0, 1 - Math.floor(Math.log10(step)))));
}
