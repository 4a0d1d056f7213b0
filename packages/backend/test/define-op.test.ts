import {
  add,
  grad,
  type KernelFunc,
  matMul,
  mul,
  registerKernel,
  type Scalar,
  square,
  sum,
  type Tensor,
  type TensorInfo,
  tensor1d,
  tidy,
  unregisterKernel,
} from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, test } from 'vitest';

import { expectClose, expectOwned, expectSameBits, randomTensor, useEngineForTests } from '../../testing/src/index.ts';
import { defineOp, hasKernel, type Op, valueAndGradients } from '../src/index.ts';

useEngineForTests();

type Inputs = { readonly x: Tensor; readonly w: Tensor | undefined; readonly z: Tensor };

/** `factor · x · w + z`; w may be absent. */
const fma: Op<Inputs, { factor: number }, Tensor> = defineOp<Inputs, { factor: number }, Tensor>({
  name: 'TestFma',
  differentiable: ['x', 'w', 'z'],
  saves: ['x', 'w'],
  savesOutput: true,
  composition: ({ x, w, z }, { factor }) => tidy(() => add(mul(mul(x, factor), w ?? 1), z)),
});

interface Call {
  readonly inputs: Record<string, TensorInfo>;
  readonly attrs: Record<string, unknown>;
}

const calls: Record<'forward' | 'backward', Call[]> = { forward: [], backward: [] };
const registered = new Set<string>();

function register(
  name: string,
  run: (inputs: Record<string, Tensor>, attrs: Record<string, unknown>) => Tensor | Tensor[],
  log: Call[],
): void {
  const kernelFunc = (({ inputs, attrs }: Call) => {
    log.push({ inputs: { ...inputs }, attrs: { ...attrs } });
    return tidy(() => run(inputs as Record<string, Tensor>, attrs));
  }) as unknown as KernelFunc;
  registerKernel({ kernelName: name, backendName: 'cpu', kernelFunc });
  registered.add(name);
}

/** Fake kernels of the op; the forward one adds 100 so that a test can see which way was taken. */
function useKernels({ backward }: { backward: boolean }): void {
  register(
    'TestFma',
    ({ x, w, z }, { factor }) => add(add(mul(mul(x!, factor as number), w ?? 1), z!), 100),
    calls.forward,
  );
  if (!backward) return;
  register(
    'TestFmaGradient',
    ({ dy, x, w }, { factor, wanted }) => {
      const all: Record<string, () => Tensor> = {
        x: () => mul(mul(dy!, factor as number), w ?? 1),
        w: () => mul(mul(dy!, factor as number), x!),
        z: () => mul(dy!, 1),
      };
      return (wanted as string[]).map((name) => all[name]!());
    },
    calls.backward,
  );
}

function removeKernels(): void {
  for (const name of registered) unregisterKernel(name, 'cpu');
  registered.clear();
}

afterEach(() => {
  removeKernels();
  calls.forward.length = 0;
  calls.backward.length = 0;
});

const [x, w, z] = [() => tensor1d([1, 2]), () => tensor1d([3, 5]), () => tensor1d([10, 20])];

test('without kernels: the composition, forward and backward', () => {
  const inputs = { x: x(), w: w(), z: z() };
  expect(hasKernel('TestFma')).toBe(false);
  expectClose(fma(inputs, { factor: 2 }), [16, 40]);
  const { gradients } = valueAndGradients(() => sum(fma(inputs, { factor: 2 })), [inputs.x, inputs.w, inputs.z]);
  gradients.forEach((gradient, i) =>
    expectClose(
      gradient,
      [
        [6, 10],
        [2, 4],
        [1, 1],
      ][i]!,
    ),
  );
});

describe.each([false, true])('with a forward kernel, backward kernel %s', (backward) => {
  test('value and all gradients', () => {
    useKernels({ backward });
    const inputs = { x: x(), w: w(), z: z() };
    expect(hasKernel('TestFma')).toBe(true);
    expectClose(fma(inputs, { factor: 2 }), [116, 140]);
    const dy = tensor1d([1, 10]);
    const { gradients } = valueAndGradients(() => fma(inputs, { factor: 2 }), [inputs.z, inputs.x, inputs.w], {
      outputGradient: dy,
    });
    gradients.forEach((gradient, i) =>
      expectClose(
        gradient,
        [
          [1, 10],
          [6, 100],
          [2, 40],
        ][i]!,
      ),
    ); // in the order asked
    expect(calls.backward).toHaveLength(backward ? 1 : 0);
  });

  test('an absent optional input', () => {
    useKernels({ backward });
    const inputs = { x: x(), w: undefined, z: z() };
    expectClose(fma(inputs, { factor: 2 }), [112, 124]);
    const { gradients } = valueAndGradients(() => sum(fma(inputs, { factor: 2 })), [inputs.x, inputs.z]);
    gradients.forEach((gradient, i) =>
      expectClose(
        gradient,
        [
          [2, 2],
          [1, 1],
        ][i]!,
      ),
    );
    expect(Object.keys(calls.forward[0]!.inputs)).toEqual(['x', 'z']);
  });

  test('only what is asked for is computed', () => {
    useKernels({ backward });
    const inputs = { x: x(), w: w(), z: z() };
    const { gradients } = valueAndGradients(() => sum(fma(inputs, { factor: 2 })), [inputs.w]);
    expectClose(gradients[0]!, [2, 4]);
    if (backward) expect(calls.backward[0]!.attrs['wanted']).toEqual(['w']);
  });

  test('one tensor as two inputs', () => {
    useKernels({ backward });
    const both = x();
    const { gradients } = valueAndGradients(() => sum(fma({ x: both, w: both, z: both }, { factor: 2 })), [both]);
    expectClose(gradients[0]!, [5, 9]); // of 2 x² + x
  });

  test('memory', () => {
    useKernels({ backward });
    const inputs = { x: x(), w: w(), z: z() };
    expectOwned(() => fma(inputs, { factor: 2 }));
    expectOwned(() =>
      valueAndGradients(() => tidy(() => sum(square(fma(inputs, { factor: 2 }))) as Scalar), [inputs.x, inputs.w]),
    );
  });

  test('inside of a larger graph, with inputs that are gone by the reverse pass', () => {
    useKernels({ backward });
    const weight = randomTensor([2, 2]) as Tensor;
    const graph = (): Tensor =>
      tidy(() =>
        fma({ x: matMul(weight as never, weight as never), w: square(weight), z: mul(weight, 3) }, { factor: 0.5 }),
      );
    const { gradients } = valueAndGradients(() => sum(square(graph())), [weight]);
    removeKernels();
    const composed = valueAndGradients(() => sum(square(add(graph(), 100))), [weight]);
    expectClose(gradients[0]!, composed.gradients[0]!, { rtol: 1e-4 });
  });
});

test('the backward kernel gets dy, what the op saves, the output, and the attributes', () => {
  useKernels({ backward: true });
  const inputs = { x: x(), w: w(), z: z() };
  valueAndGradients(() => sum(fma(inputs, { factor: 2 })), [inputs.x]);
  const { inputs: got, attrs } = calls.backward[0]!;
  expect(Object.keys(got).toSorted()).toEqual(['dy', 'w', 'x', 'y']); // y is the output
  expect(attrs).toEqual({ factor: 2, wanted: ['x'] });
});

test('the output that a kernel saves has the data of the value, on which an engine may hang side results', () => {
  const op = defineOp<{ readonly x: Tensor }, object, Tensor>({
    name: 'TestSaving',
    differentiable: ['x'],
    saves: [],
    savesOutput: true,
    composition: ({ x: input }) => square(input),
  });
  register('TestSaving', ({ x: input }) => square(input!), calls.forward);
  register('TestSavingGradient', ({ dy, y: output }) => mul(dy!, output!), calls.backward); // wrong on purpose: dy · y
  const input = x();
  const { value, gradients } = valueAndGradients(() => op({ x: input }, {}), [input]);
  expect(calls.backward[0]!.inputs['y']!.dataId).toBe(value.dataId);
  expectSameBits(gradients[0]!, [1, 4]);
});

test('an op that looks ahead tells its forward kernel which gradients will be asked for', () => {
  const ahead = defineOp<Inputs, { factor: number }, Tensor>({ ...fma.definition, looksAhead: true });
  useKernels({ backward: true });
  const inputs = { x: x(), w: w(), z: z() };
  const told = () => calls.forward.map(({ attrs }) => attrs['ahead']);
  ahead(inputs, { factor: 2 });
  valueAndGradients(() => sum(ahead(inputs, { factor: 2 })), [inputs.w]);
  valueAndGradients(() => sum(ahead({ ...inputs, z: mul(square(inputs.x), inputs.z) }, { factor: 2 })), [inputs.x]);
  valueAndGradients(() => {
    const { gradients } = valueAndGradients(() => sum(ahead(inputs, { factor: 2 })), [inputs.z]);
    return add(sum(gradients[0]!), sum(ahead(inputs, { factor: 3 }))) as Scalar;
  }, [inputs.x]);
  expect(told()).toEqual([[], ['w'], ['x', 'z'], ['z'], ['x']]);
  // tfjs records by itself and doesn't say by what.
  grad((of) => sum(ahead({ ...inputs, x: of }, { factor: 2 })))(inputs.x);
  expect(told().at(-1)).toEqual(['x', 'w', 'z']);
  // It may ask within ours for what ours didn't know of: then the composition is differentiated.
  const { value } = valueAndGradients(
    () => sum(grad((of) => ahead({ ...inputs, w: of }, { factor: 2 }))(inputs.w)) as Scalar,
    [inputs.x],
  );
  expectClose(value, 2 * (1 + 2));
});
