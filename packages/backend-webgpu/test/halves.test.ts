import { expect, test } from 'vitest';

import { halfOf, throughAccessors } from '../src/engine/halves.ts';

test('reads and writes of tensors in halves go through functions, nested ones too', () => {
  const code = 'if (x[i] == y[rows[2 * i]] || box[i] > u.x) { y[min(i, ids[j])] = x[x[i] + 1] * sum[0]; }\n_ = &x;';
  expect(throughAccessors(code, ['x', 'y'])).toBe(
    'if (xFromHalves(u32(i)) == yFromHalves(u32(rows[2 * i])) || box[i] > u.x) { yToHalves(u32(min(i, ids[j])), xFromHalves(u32(xFromHalves(u32(i)) + 1)) * sum[0]); }\n_ = &x;',
  );
  expect(throughAccessors(code, [])).toBe(code);
});

test('what can not be stored in halves is refused', () => {
  expect(() => throughAccessors('x[i] += 1.0;', ['x'])).toThrow(/x is stored in halves: no \+=/);
  expect(() => throughAccessors('y = x[i;', ['x'])).toThrow(/bracket/);
  expect(() => halfOf('u32')).toThrow(/can't be read as u32/);
});
