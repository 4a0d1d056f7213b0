import {
  div,
  Mean,
  type NamedAttrMap,
  registerGradient,
  reshape,
  Sum,
  type Tensor,
  tile,
  util,
} from '@tensorflow/tfjs-core';

/** Registers the gradients of sums and means: `dy` repeated along the reduced axes. Those of tfjs-core multiply it by a whole tensor of ones. */
export function registerReductionGradients(): void {
  for (const kernelName of [Sum, Mean]) {
    registerGradient({
      kernelName,
      inputsToSave: ['x'],
      gradFunc: (dy, [x], attributes) => ({
        x: () => repeat(dy as Tensor, x as Tensor, { attributes, isMean: kernelName === Mean }),
      }),
    });
  }
}

function repeat(dy: Tensor, x: Tensor, { attributes, isMean }: { attributes: NamedAttrMap; isMean: boolean }): Tensor {
  const axes = util.parseAxisParam(attributes['axis'] as number[], x.shape);
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const count = axes.reduce((product, axis) => product * (x.shape[axis] as number), 1);
  const share = reshape(isMean ? div(dy, count) : dy, kept);
  const repeats = x.shape.map((size, axis) => (axes.includes(axis) ? size : 1));
  return repeats.every((times) => times === 1) ? share : tile(share, repeats);
}
