/**
 * A double as Python's `repr` spells it: the shortest digits that give it back, always with a fraction or an exponent
 * (`1.0`, `1e-05`, `1e+16`).
 */
export function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const [mantissa = '', exponentText = '0'] = Math.abs(value).toExponential().split('e');
  const digits = mantissa.replace('.', '');
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16)
    return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

/** A number as Python spells it, with whole numbers as `int` (all digits) and others as `float`; -0 is `-0.0`. */
export function pythonNumber(value: number): string {
  return Number.isInteger(value) && !Object.is(value, -0) ? BigInt(value).toString() : pythonFloat(value);
}
