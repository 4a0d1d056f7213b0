import { entry, WORKGROUP_INDEX } from './kernel.ts';
import { workgroupSum } from './reduce-code.ts';

/** What changes the code of the kernels. */
interface RowVariant {
  readonly element: 'f32' | 'vec4<f32>';
  /** Threads of the workgroup that a row is for. */
  readonly threads: number;
  /** Elements of a row for each of them, at most. */
  readonly perThread: number;
  /** Layer normalisation; else root mean square. */
  readonly centred: boolean;
}

/** Of the forward kernel. */
export interface NormVariant extends RowVariant {
  readonly hasResidual: boolean;
  readonly hasBias: boolean;
}

/** Of the gradient kernel. */
export interface NormGradientVariant extends RowVariant {
  readonly hasPast: boolean;
  readonly writesX: boolean;
  readonly writesSums: boolean;
}

const total = (element: string, value: string): string => (element === 'f32' ? value : `dot(${value}, vec4<f32>(1.0))`);

/** A workgroup per row: mean, then variance (of the differences, which cancels nothing), then the result; a row stays in the registers of its threads. */
export function normCode({ element, threads, perThread, centred, hasResidual, hasBias }: NormVariant): string {
  const each = (body: string): string => `
  for (var k = 0u; k < ${perThread}u; k++) {
    let column = lane + k * ${threads}u;
    if (column < u.vectors) { ${body} }
  }`;
  return `${workgroupSum(threads, 'f32')}
${entry(threads)}
  let row = ${WORKGROUP_INDEX};
  if (row >= u.rows) { return; }
  let start = row * u.vectors;
  var values: array<${element}, ${perThread}>;
  var part = 0.0;
  ${each(`
      values[k] = x[start + column]${hasResidual ? ' + residual[start + column]' : ''};
      ${hasResidual ? 'sum[start + column] = values[k];' : ''}
      ${centred ? `part += ${total(element, 'values[k]')};` : ''}`)}
  ${centred ? 'let mean = sumOfWorkgroup(lane, part) / u.size;' : 'let mean = 0.0;'}
  part = 0.0;
  ${each(`
      let centred = values[k] - mean;
      part += ${element === 'f32' ? 'centred * centred' : 'dot(centred, centred)'};`)}
  let scale = inverseSqrt(sumOfWorkgroup(lane, part) / u.size + u.epsilon);
  if (lane == 0u) {
    statistics[2u * row] = mean;
    statistics[2u * row + 1u] = scale;
  }
  ${each(`y[start + column] = (values[k] - mean) * scale * weight[column]${hasBias ? ' + bias[column]' : ''};`)}
}`;
}

/**
 * A workgroup per chunk of rows. With x̂ the normalised row and g = dy γ: dx = (g - mean(g) - x̂ mean(g x̂)) / σ (Ba et al. 2016, supplement); each thread adds up dy x̂ and dy
 * for its columns over the chunk's rows, in their order.
 */
export function normGradientCode(variant: NormGradientVariant): string {
  const { element, threads, perThread, centred, hasPast, writesX, writesSums } = variant;
  const zeros = `array<${element}, ${perThread}>()`;
  return `${workgroupSum(threads, 'vec2<f32>')}
${entry(threads)}
  let chunk = ${WORKGROUP_INDEX};
  if (chunk >= u.chunks) { return; }
  var weightSums = ${zeros};
  var biasSums = ${zeros};
  let end = min(u.rows, (chunk + 1u) * u.chunkRows);
  for (var row = chunk * u.chunkRows; row < end; row++) {
    let start = row * u.vectors;
    let mean = statistics[2u * row];
    let scale = statistics[2u * row + 1u];
    var normed = ${zeros};
    var slopes = ${zeros};
    var part = vec2<f32>(0.0);
    for (var k = 0u; k < ${perThread}u; k++) {
      let column = lane + k * ${threads}u;
      if (column < u.vectors) {
        normed[k] = (x[start + column] - mean) * scale;
        let slope = dy[start + column];
        weightSums[k] += slope * normed[k];
        biasSums[k] += slope;
        slopes[k] = slope * weight[column];
        part += vec2<f32>(${total(element, 'slopes[k]')}, ${total(element, 'slopes[k] * normed[k]')});
      }
    }
    ${
      writesX
        ? `let means = sumOfWorkgroup(lane, part) / u.size;
    for (var k = 0u; k < ${perThread}u; k++) {
      let column = lane + k * ${threads}u;
      if (column < u.vectors) {
        dx[start + column] = (slopes[k] - ${centred ? 'means.x - ' : ''}normed[k] * means.y) * scale${hasPast ? ' + past[start + column]' : ''};
      }
    }`
        : ''
    }
  }
  ${
    writesSums
      ? `for (var k = 0u; k < ${perThread}u; k++) {
    let column = lane + k * ${threads}u;
    if (column < u.vectors) {
      partial[chunk * u.vectors + column] = weightSums[k];
      partial[(u.chunks + chunk) * u.vectors + column] = biasSums[k];
    }
  }`
      : ''
  }
}`;
}

/** Columns that a workgroup of {@link parameterSumsCode} adds up. */
export const SUM_COLUMNS = 16;
const SUM_LANES = 16;

/** Sums over the chunks: for each column 16 threads, whose sums are added in their order. */
export function parameterSumsCode(
  element: 'f32' | 'vec4<f32>',
  { dWeight, dBias }: { dWeight: boolean; dBias: boolean },
): string {
  const sumOf = (name: string, first: string): string => `
  var ${name}Sum = ${element}();
  if (column < u.vectors) {
    for (var chunk = part; chunk < u.chunks; chunk += ${SUM_LANES}u) { ${name}Sum += partial[(${first} + chunk) * u.vectors + column]; }
  }
  shares[lane] = ${name}Sum;
  workgroupBarrier();
  if (part == 0u && column < u.vectors) {
    for (var i = 1u; i < ${SUM_LANES}u; i++) { ${name}Sum += shares[lane + i * ${SUM_COLUMNS}u]; }
    ${name}[column] = ${name}Sum;
  }
  workgroupBarrier();`;
  return `
var<workgroup> shares: array<${element}, ${SUM_COLUMNS * SUM_LANES}>;
${entry(SUM_COLUMNS * SUM_LANES)}
  let column = ${WORKGROUP_INDEX} * ${SUM_COLUMNS}u + lane % ${SUM_COLUMNS}u;
  let part = lane / ${SUM_COLUMNS}u;
  ${dWeight ? sumOf('dWeight', '0u') : ''}
  ${dBias ? sumOf('dBias', 'u.chunks') : ''}
}`;
}
