/** FNV-1a, 32 bits, over all numbers and texts in values, however deep; for noticing that a resumed run has other data. */
export function checksum(values: Iterable<unknown>): number {
  let hash = 0x811c9dc5;
  const add = (number: number): void => {
    hash = Math.imul(hash ^ number, 0x01000193);
  };
  const visit = (value: unknown): void => {
    if (typeof value === 'number') add(Number.isInteger(value) ? value : Math.round(value * 2 ** 20));
    else if (typeof value === 'string') for (let i = 0; i < value.length; i++) add(value.charCodeAt(i));
    else if (value instanceof Int32Array || value instanceof Float32Array) {
      add(value.length);
      for (const number of value) visit(number);
    } else if (Array.isArray(value)) {
      add(value.length);
      for (const item of value) visit(item);
    } else if (typeof value === 'object' && value !== null) for (const item of Object.values(value)) visit(item);
  };
  for (const value of values) visit(value);
  return hash >>> 0;
}
