import { ConfigError } from '@formers/backend';
import { type SafetensorsFile, toFloat32, toInt32 } from '@formers/checkpoints';
import {
  alibiKeyBias,
  alibiSlopes,
  interpolatePositions,
  type InterpolationOptions,
  positionIdsFromMask,
  relativeBucket,
  ropeFromHuggingFace,
  rotaryFrequencies,
  RotaryPositions,
  sinusoidal,
  sinusoidalGrid,
  type SinusoidalOptions,
} from '@formers/positional';
import {
  concat,
  slice,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  transpose,
} from '@tensorflow/tfjs-core';

import { type Case, readCaseJson, readCaseTensors, type Tolerance, Unsupported } from '../case.ts';
import type { Comparison } from '../comparison.ts';
import { toTensor } from '../tensors.ts';

/** One line of cases.json: its kind, and the parameters of that kind. */
interface PositionalCase {
  readonly name: string;
  readonly kind: string;
  readonly layout?: string;
  /** Of rope; what Hugging Face's configs have beside it is read by {@link ropeFromHuggingFace}. */
  readonly prefix?: string;
  readonly attention_scaling?: number;
  readonly heads?: number;
  readonly num_buckets?: number;
  readonly max_distance?: number;
  readonly bidirectional?: boolean;
  readonly dim?: number;
  readonly grid?: Size;
  readonly from?: Size;
  readonly to?: Size;
}

/** Of a square, or rows and columns. */
type Size = number | readonly [rows: number, columns: number];

/** The single cases of a folder of positions, by name. */
export async function positionalCases(testCase: Case): Promise<[string, (comparison: Comparison) => Promise<void>][]> {
  const cases = await readCaseJson<PositionalCase[]>(testCase.folder, 'cases.json');
  const answers = new Answers(await readCaseTensors(testCase.folder, 'positional.safetensors'), testCase);
  return cases.map((one) => [
    `${one.kind.split(/[ ,]/)[0]}/${one.name}`,
    (comparison) => runnerOf(one)(one, answers, comparison),
  ]);
}

type Run = (one: PositionalCase, answers: Answers, comparison: Comparison) => Promise<void>;

function runnerOf({ kind }: PositionalCase): Run {
  const runs: readonly [start: string, run: Run][] = [
    ['sinusoidal', runSinusoidal],
    ['rope', runRotary],
    ['alibi', runAlibi],
    ['t5 relative buckets', runBuckets],
    ['2-D sin-cos', runGrid],
    ['ViT position interpolation', runInterpolation],
  ];
  const run = runs.find(([start]) => kind.startsWith(start))?.[1];
  if (!run) throw new Unsupported(`the kind ${kind}`);
  return run;
}

const SINUSOIDAL: ReadonlyMap<string, Omit<SinusoidalOptions, 'length' | 'dim'>> = new Map([
  ['vaswani', {}],
  ['distilbert', {}],
  ['marian', { layout: 'halves' }],
  ['whisper', { layout: 'halves', spacing: 'closed' }],
  ['fairseq', { layout: 'halves', spacing: 'closed', paddingRow: 1 }],
]);

async function runSinusoidal({ name }: PositionalCase, answers: Answers, comparison: Comparison): Promise<void> {
  const options = SINUSOIDAL.get(name);
  if (!options) throw new Unsupported(`the sinusoidal layout ${name}`);
  for (const key of answers.startingWith(`sinusoidal.${name}.`)) {
    const [length, dim] = answers.shape(key) as [number, number];
    answers.compare(key, sinusoidal({ length, dim, ...options }), comparison);
  }
}

async function runRotary(one: PositionalCase, answers: Answers, comparison: Comparison): Promise<void> {
  const prefix = one.prefix ?? `rope.${one.name}`;
  const interleaved = one.kind.includes('interleaved');
  const config = { ...readRope(one), interleaved };
  const rotary = new RotaryPositions(config);
  const isTokenFirst = one.layout?.includes('[batch, position, head') === true; // not [batch, head, position, dim]
  const [positionAxis, headAxis] = isTokenFirst ? [1, 2] : [2, 1];
  const seq = answers.shape(`${prefix}.q`)[positionAxis] as number;
  const positionIds = answers.has(`${prefix}.position_ids`)
    ? (answers.tensor(`${prefix}.position_ids`) as Tensor2D)
    : undefined;
  const length = 1 + (positionIds ? Math.max(...(await positionIds.data())) : seq - 1);

  const { frequencies, attentionFactor } = rotaryFrequencies(config, { length });
  if (answers.has(`${prefix}.inv_freq`)) answers.compare(`${prefix}.inv_freq`, frequencies, comparison);
  if (one.attention_scaling !== undefined)
    answers.compareNumber('attention_scaling', { found: attentionFactor, expected: one.attention_scaling }, comparison);
  for (const [name, angles] of Object.entries(rotary.angles(seq, { positionIds }))) {
    const key = `${prefix}.${name}`;
    if (!answers.has(key)) continue;
    const [rows, , width] = answers.shape(key) as [number, number, number];
    const repeated = repeatPairs(await angles.data(), { pairs: frequencies.length, width, interleaved });
    const rowsTold = Array.from({ length: rows / angles.shape[0] }, () => [...repeated]).flat();
    answers.compare(key, rowsTold, comparison);
  }
  for (const name of ['q', 'k']) {
    const key = `${prefix}.${name}`;
    if (!answers.has(key)) continue;
    const axes = [0, positionAxis, headAxis, 3].with(1, headAxis).with(2, positionAxis);
    const turned = rotary.rotate(transpose(answers.tensor(key) as Tensor4D, axes), { positionIds });
    answers.compare(`${key}_rotated`, await transpose(turned, axes).data(), comparison);
  }
}

/** The answers tell each angle once, or once for each number of the pair. */
function repeatPairs(
  angles: ArrayLike<number>,
  { pairs, width, interleaved }: { pairs: number; width: number; interleaved: boolean },
): number[] {
  const pairOf = (column: number): number => (width > pairs && interleaved ? Math.floor(column / 2) : column % pairs);
  return Array.from(
    { length: (angles.length / pairs) * width },
    (_, i) => angles[Math.floor(i / width) * pairs + pairOf(i % width)] as number,
  );
}

function readRope(one: PositionalCase): ReturnType<typeof ropeFromHuggingFace> {
  try {
    return ropeFromHuggingFace({ ...one });
  } catch (error) {
    if (ConfigError.isInstance(error) && error.message.includes('rope_type')) throw new Unsupported(error.message);
    throw error;
  }
}

async function runAlibi({ heads = 0 }: PositionalCase, answers: Answers, comparison: Comparison): Promise<void> {
  answers.compare(`alibi.${heads}.slopes`, alibiSlopes(heads), comparison);
  const positionIds = positionIdsFromMask(answers.tensor('alibi.attention_mask') as Tensor2D);
  const bias = alibiKeyBias(positionIds, { numHeads: heads }); // [batch, heads, 1, keys]
  answers.compare(`alibi.${heads}.bias`, await bias.data(), comparison);
}

async function runBuckets(
  { name, num_buckets: numBuckets = 32, max_distance: maxDistance = 128, bidirectional = true }: PositionalCase,
  answers: Answers,
  comparison: Comparison,
): Promise<void> {
  const options = { numBuckets, maxDistance, bidirectional };
  const distances = [...answers.integers('t5.relative_position')];
  const found = distances.map((distance) => relativeBucket(distance, options));
  comparison.equal(name, found, [...answers.integers(name)]);
}

async function runGrid(
  { name, dim = 0, grid = 0 }: PositionalCase,
  answers: Answers,
  comparison: Comparison,
): Promise<void> {
  const [rows, columns] = sizeOf(grid);
  const classTokens = (answers.shape(name)[0] as number) - rows * columns;
  answers.compare(name, sinusoidalGrid({ dim, grid: [rows, columns], classTokens }), comparison);
}

const INTERPOLATION: ReadonlyMap<string, InterpolationOptions> = new Map([
  ['', {}],
  ['.bicubic', {}],
  ['.bilinear', { mode: 'bilinear' }],
  ['.antialias', { antialias: true }],
  ['.bilinear.antialias', { mode: 'bilinear', antialias: true }],
]);

async function runInterpolation(
  { name, from = 0, to = 0 }: PositionalCase,
  answers: Answers,
  comparison: Comparison,
): Promise<void> {
  const table = answers.tensor('interpolate.position_embeddings') as Tensor3D; // [1, class tokens and patches, dim]
  const [rows, columns] = sizeOf(from);
  const [newRows, newColumns] = sizeOf(to);
  const classTokens = table.shape[1] - rows * columns;
  const patches = slice(table, [0, classTokens, 0], [1, rows * columns, -1]);
  for (const key of [name, ...answers.startingWith(`${name}.`)]) {
    const options = INTERPOLATION.get(key.slice(name.length));
    if (!options) throw new Unsupported(`the interpolation ${key}`);
    const found: Tensor = interpolatePositions(patches, {
      from: [rows, columns],
      to: [newRows, newColumns],
      ...options,
    });
    const isWhole = answers.shape(key)[1] === classTokens + newRows * newColumns; // class tokens stay as they are
    const whole = isWhole ? concat([slice(table, [0, 0, 0], [1, classTokens, -1]) as Tensor, found], 1) : found;
    answers.compare(key, await whole.data(), comparison);
  }
}

function sizeOf(size: Size): readonly [rows: number, columns: number] {
  return typeof size === 'number' ? [size, size] : size;
}

/** The tensors of positional.safetensors by name, and the tolerance of the folder. */
class Answers {
  readonly #file: SafetensorsFile;
  readonly #tolerance: Tolerance;

  constructor(file: SafetensorsFile, { description }: Case) {
    const { rtol, atol } = description.tolerance ?? {};
    if (typeof rtol !== 'number' || typeof atol !== 'number')
      throw new Error('case.json: tolerance must be { rtol, atol }');
    this.#file = file;
    this.#tolerance = { rtol, atol };
  }

  has(name: string): boolean {
    return this.#file.tensors.has(name);
  }

  startingWith(start: string): string[] {
    return [...this.#file.tensors.keys()].filter((name) => name.startsWith(start));
  }

  shape(name: string): readonly number[] {
    return this.#stored(name).shape;
  }

  tensor(name: string): Tensor {
    return toTensor(this.#stored(name));
  }

  integers(name: string): Int32Array {
    return toInt32(this.#stored(name));
  }

  compare(name: string, found: ArrayLike<number>, comparison: Comparison): void {
    comparison.numbers(name, found, { expected: toFloat32(this.#stored(name)), tolerance: this.#tolerance });
  }

  compareNumber(name: string, { found, expected }: { found: number; expected: number }, comparison: Comparison): void {
    comparison.numbers(name, [found], { expected: [expected], tolerance: this.#tolerance });
  }

  #stored(name: string): NonNullable<ReturnType<SafetensorsFile['tensors']['get']>> {
    const stored = this.#file.tensors.get(name);
    if (!stored) throw new Error(`positional.safetensors has no ${name}`);
    return stored;
  }
}
