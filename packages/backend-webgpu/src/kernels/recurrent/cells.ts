import { activationCode } from '../activation.ts';

/** The cells of recurrent layers. */
export type Cell = 'rnn tanh' | 'rnn relu' | 'lstm' | 'gru';

/** What an LSTM and gated units keep of each step and unit: values of the gates, and the cell, or the projected state of the gate `new`. */
export const KEPT: Readonly<Record<'lstm' | 'gru', number>> = { lstm: 5, gru: 4 };

/** Which optional tensors there are. */
export type Given = Readonly<Record<string, unknown>>;

/**
 * One direction of a layer: at each step products of an operand with a matrix, some for each unit, and what becomes of them. The code has `HIDDEN` and defines
 * `operandAt(row, t, k)`, which is what was stored of the operand for step t, and `finish(row, t, j, products)`, which stores what unit j gives at step t, and returns its part of the operand for the
 * step after: `operands` numbers, that lie `HIDDEN` apart.
 */
export interface Direction {
  readonly key: string;
  readonly products: number;
  readonly operands: number;
  readonly isBackward: boolean;
  readonly code: string;
}

const SIGMOID = `
fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-select(x, sign(x) * 80.0, abs(x) > 80.0))); }
fn sigmoidBack(d: f32, y: f32) -> f32 { return d * y * (1.0 - y); }
fn tanhBack(d: f32, y: f32) -> f32 { return d * (1.0 - y * y); }`;

/** A function that gives a number of the step before, or of the first state, if there is one. */
const before = (name: string, stored: string, first: string | undefined): string => `
fn ${name}(row: u32, t: u32, j: u32) -> f32 {
  if (t == 0u) { return ${first ? `${first}[row * HIDDEN + j]` : '0.0'}; }
  let last = row * u.seq + t - 1u;
  return ${stored};
}`;

const stateBefore = (name: string, given: Given): string =>
  before(name, 'states[last * HIDDEN + j]', given['initial'] ? 'initial' : undefined);
const cellBefore = (given: Given): string =>
  before('cellBefore', 'kept[(last * 5u + 4u) * HIDDEN + j]', given['initialCell'] ? 'initialCell' : undefined);

const givenKey = (names: readonly string[], given: Given): string => names.filter((name) => given[name]).join();

/** Statements that end with the new state as `state`; `place` is the step's place in the sequences. */
const FORWARD: Readonly<Record<'rnn' | 'lstm' | 'gru', string>> = {
  rnn: 'let state = activate(inputs[place * HIDDEN + j] + projected(products[0], 0u, j));',
  lstm: `
  let x = place * 4u * HIDDEN + j;
  let i = sigmoid(inputs[x] + projected(products[0], 0u, j));
  let f = sigmoid(inputs[x + HIDDEN] + projected(products[1], 1u, j));
  let g = activate(inputs[x + 2u * HIDDEN] + projected(products[2], 2u, j));
  let o = sigmoid(inputs[x + 3u * HIDDEN] + projected(products[3], 3u, j));
  let cell = f * cellBefore(row, t, j) + i * g;
  keep(place, j, array<f32, 5>(i, f, g, o, cell));
  if (t + 1u == u.seq) { lastCell[row * HIDDEN + j] = cell; }
  let state = o * activate(cell);`,
  gru: `
  let x = place * 3u * HIDDEN + j;
  let r = sigmoid(inputs[x] + projected(products[0], 0u, j));
  let z = sigmoid(inputs[x + HIDDEN] + projected(products[1], 1u, j));
  let m = projected(products[2], 2u, j);
  let n = activate(inputs[x + 2u * HIDDEN] + r * m);
  keep(place, j, array<f32, 4>(r, z, n, m));
  let state = (1.0 - z) * n + z * operandAt(row, t, j);`,
};

const GATES = { rnn: 1, lstm: 4, gru: 3 } as const;
const kindOf = (cell: Cell) => (cell === 'lstm' || cell === 'gru' ? cell : 'rnn');
const activationOf = (cell: Cell) => activationCode(cell === 'rnn relu' ? 'relu' : 'tanh', 'f32');

/**
 * From `inputs` to `states`, which are the operand; the matrix is the weight, transposed. Reads `bias`, `initial` and `initialCell` if given; an LSTM writes `kept` and `lastCell`, gated units
 * `kept`.
 */
export function forwardOf(cell: Cell, given: Given): Direction {
  const kind = kindOf(cell);
  const keep =
    kind === 'rnn'
      ? ''
      : `
fn keep(place: u32, j: u32, values: array<f32, ${KEPT[kind]}>) {
  let start = place * ${KEPT[kind]}u * HIDDEN + j;
  ${Array.from({ length: KEPT[kind] }, (_, i) => `kept[start + ${i}u * HIDDEN] = values[${i}];`).join(' ')}
}`;
  return {
    key: `${cell} ${givenKey(['bias', 'initial', 'initialCell'], given)}`,
    ...{ products: GATES[kind], operands: 1, isBackward: false },
    code: `${activationOf(cell)}${kind === 'rnn' ? '' : SIGMOID}
${stateBefore('operandAt', given)}
${kind === 'lstm' ? cellBefore(given) : ''}${keep}
fn projected(product: f32, gate: u32, j: u32) -> f32 {
  return product${given['bias'] ? ' + bias[gate * HIDDEN + j]' : ''};
}
fn finish(row: u32, t: u32, j: u32, products: array<f32, ${GATES[kind]}>) -> array<f32, 1> {
  let place = row * u.seq + t;
  ${FORWARD[kind]}
  states[place * HIDDEN + j] = state;
  return array<f32, 1>(state);
}`,
  };
}

/** Statements that get the gradient of a state as `dh`, and end with those of what the gates see, as `gates`. */
const BACKWARD: Readonly<Record<Cell, string>> = {
  'rnn tanh': 'let gates = array<f32, 1>(tanhBack(dh, states[place * HIDDEN + j]));',
  'rnn relu': 'let gates = array<f32, 1>(select(0.0, dh, states[place * HIDDEN + j] > 0.0));',
  lstm: `
  let at = place * 5u * HIDDEN + j;
  let i = kept[at];
  let f = kept[at + HIDDEN];
  let g = kept[at + 2u * HIDDEN];
  let o = kept[at + 3u * HIDDEN];
  let c = activate(kept[at + 4u * HIDDEN]);
  let dc = carried(row, t, j) + tanhBack(dh * o, c);
  let gates = array<f32, 4>(
    sigmoidBack(dc * g, i), sigmoidBack(dc * cellBefore(row, t, j), f), tanhBack(dc * i, g), sigmoidBack(dh * c, o));
  carry[row * HIDDEN + j] = dc * f;`,
  gru: `
  let at = place * 4u * HIDDEN + j;
  let r = kept[at];
  let z = kept[at + HIDDEN];
  let n = kept[at + 2u * HIDDEN];
  let direct = dh + carried(row, t, j);
  let dn = tanhBack(direct * (1.0 - z), n);
  let dr = sigmoidBack(dn * kept[at + 3u * HIDDEN], r);
  let dz = sigmoidBack(direct * (stateBefore(row, t, j) - n), z);
  let gates = array<f32, 3>(dr, dz, dn * r);
  let x = place * 3u * HIDDEN + j;
  dInputs[x] = dr;
  dInputs[x + HIDDEN] = dz;
  dInputs[x + 2u * HIDDEN] = dn;
  carry[row * HIDDEN + j] = direct * z;`,
};

/** `operandAt` of the way back: the gradients of the projected states of the step after. */
const laterGradient = (gates: number): string => `
fn operandAt(row: u32, t: u32, k: u32) -> f32 {
  if (t + 1u == u.seq) { return 0.0; }
  return dProjected[(row * u.seq + t + 1u) * ${gates}u * HIDDEN + k];
}`;

/** What goes to the step before past the products, as it was left by the step after. */
const carried = (last: string): string => `
fn carried(row: u32, t: u32, j: u32) -> f32 {
  if (t + 1u == u.seq) { return ${last}; }
  return carry[row * HIDDEN + j];
}`;

/**
 * From the last step to the first one: `dProjected`, the gradients of the projected states, which are the operand (those of the inputs, too, but in gated units: there these are `dInputs`). The matrix is the weight.
 * Reads `kept` (simple networks: `states`), and `dy` if given. An LSTM reads `dLastCell` and `initialCell` if given, and leaves in `carry` the gradient of the first cell; gated units read `states` and, if given, `initial`, and leave
 * in `carry` what the first state gets directly.
 */
export function backwardOf(cell: Cell, given: Given): Direction {
  const kind = kindOf(cell);
  const gates = GATES[kind];
  const parts: Readonly<Record<typeof kind, string>> = {
    rnn: '',
    lstm: `${cellBefore(given)}${carried(given['dLastCell'] ? 'dLastCell[row * HIDDEN + j]' : '0.0')}`,
    gru: `${stateBefore('stateBefore', given)}${carried('0.0')}`,
  };
  return {
    key: `${cell} gradient ${givenKey(['dy', 'dLastCell', 'initial', 'initialCell'], given)}`,
    ...{ products: 1, operands: gates, isBackward: true },
    code: `${activationOf(cell)}${SIGMOID}
${laterGradient(gates)}
${parts[kind]}
fn finish(row: u32, t: u32, j: u32, products: array<f32, 1>) -> array<f32, ${gates}> {
  let place = row * u.seq + t;
  let dh = products[0]${given['dy'] ? ' + dy[place * HIDDEN + j]' : ''};
  ${BACKWARD[cell]}
  let start = place * ${gates}u * HIDDEN + j;
  ${Array.from({ length: gates }, (_, i) => `dProjected[start + ${i}u * HIDDEN] = gates[${i}];`).join(' ')}
  return gates;
}`,
  };
}

/** One step further back than {@link backwardOf}: `dInitial`, the gradient of the state before the first step, from `dProjected` and, in gated units, `carry`. */
export function initialGradientOf(cell: Cell): Direction {
  const gates = GATES[kindOf(cell)];
  return {
    key: `${kindOf(cell)} gradient of the first state`,
    ...{ products: 1, operands: gates, isBackward: true },
    code: `${laterGradient(gates)}
fn finish(row: u32, t: u32, j: u32, products: array<f32, 1>) {
  dInitial[row * HIDDEN + j] = products[0]${cell === 'gru' ? ' + carry[row * HIDDEN + j]' : ''};
}`,
  };
}
