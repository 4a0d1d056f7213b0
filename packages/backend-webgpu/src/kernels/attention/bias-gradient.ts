import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../../backend.ts';
import { elementwise, sizeOf, spread, WORKGROUP } from '../kernel.ts';
import { type Backward, gradientFunctions, SCORE_GRADIENTS, WEIGHTS, WHOLES } from './gradient.ts';
import { bindRows, type Problem } from './problem.ts';
import { AXES, each, rowProducts, TILE, tileKernel } from './tiles.ts';

/**
 * The gradient of the bias: for each tile of it the gradients of the scores, added up over the batches and heads that share it, always in the same order. A bias that is
 * repeated along queries or keys is added up from there in a second dispatch.
 */
export function runBiasGradient(
  backend: FormersWebGPUBackend,
  problem: Problem,
  { dy, rows, dBias }: Backward & { dBias: TensorInfo },
): void {
  const { key, reads, counts, numbers, layout, isVector } = problem;
  const { batch, queries, keys } = layout;
  const shape = [1, 1, 1, 1, ...dBias.shape].slice(-4);
  const [batches = 1, biasHeads = 1, biasQueries = 1, biasKeys = 1] = shape;
  const isWhole = biasQueries === queries && biasKeys === keys;
  const whole = isWhole ? dBias : backend.output([batches, biasHeads, queries, keys]);
  backend.run({
    key: `attention dbias ${key}`,
    code: () =>
      tileKernel(
        gradientFunctions(problem),
        `
  let firstKey = group.x * ${TILE}u;
  let firstQuery = group.y * ${TILE}u;
  let key = firstKey + column;
  let biasBatch = group.z / u.biasHeads;
  let biasHead = group.z % u.biasHeads;
  ${each((e) => `var sum${e} = vec4f();`)}
  let endBatch = select(biasBatch + 1u, u.batch, u.batches == 1u);
  let endHead = select(biasHead + 1u, u.heads, u.biasHeads == 1u);
  for (var batch = biasBatch; batch < endBatch; batch++) {
    for (var head = biasHead; head < endHead; head++) {
      place(batch, head);
      ${WHOLES}
      ${rowProducts('s', { left: 'q', right: 'k', dim: 'headDim' })}
      ${WEIGHTS}
      ${rowProducts('t', { left: 'dy', right: 'v', dim: 'valueDim' })}
      ${SCORE_GRADIENTS}
      ${each((e) => `sum${e} += t${e};`)}
    }
  }
  ${each(
    (e) => `if (firstQuery + row + ${e}u < u.queries) {
    let at = (group.z * u.queries + firstQuery + row + ${e}u) * u.keys + key;
    ${AXES.map((lane, i) => `if (key + ${i}u < u.keys) { whole[at + ${i}u] = sum${e}.${lane}; }`).join(' ')}
  }`,
  )}`,
      ),
    reads: { ...reads, dy: bindRows(dy, isVector), rows: { tensor: rows, as: 'vec4<f32>' } },
    writes: { whole },
    counts: { ...counts, batch, batches, biasHeads },
    numbers,
    workgroups: [Math.ceil(keys / TILE), Math.ceil(queries / TILE), batches * biasHeads],
  });
  if (isWhole) return;
  const size = sizeOf(dBias);
  backend.run({
    key: 'attention dbias sum',
    code: () =>
      elementwise(`
  let firstQuery = (i / u.biasKeys) % u.biasQueries;
  let firstKey = i % u.biasKeys;
  var sum = 0.0;
  for (var query = firstQuery; query < u.queries; query += u.biasQueries) {
    for (var key = firstKey; key < u.keys; key += u.biasKeys) {
      sum += whole[(i / (u.biasKeys * u.biasQueries) * u.queries + query) * u.keys + key];
    }
  }
  dBias[i] = sum;`),
    reads: { whole },
    writes: { dBias },
    counts: { size, queries, keys, biasQueries, biasKeys },
    workgroups: spread(Math.ceil(size / WORKGROUP)),
  });
  backend.disposeData(whole.dataId);
}
